/**
 * The log of a job or pipeline, as a tab of the main area.
 */
import { ReactWidget, textEditorIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Chariots } from '../components/context';
import { LogView } from '../components/log';
import type { IChariots } from '../tokens';

export interface ILogOf {
  job?: string;
  pipeline?: string;
}

export class LogWidget extends ReactWidget {
  constructor(
    private readonly chariots: IChariots,
    readonly of: ILogOf
  ) {
    super();
    const { trans, model } = chariots;
    const job = model.state.jobs.find(one => one.id === of.job);
    const name = of.pipeline ?? [job?.pipeline, of.job?.slice(0, 4)].filter(Boolean).join(' ');
    this.id = LogWidget.idOf(of);
    this.addClass('jp-ChariotsViewWidget');
    this.title.label = trans.__('Log of %1', name);
    this.title.icon = textEditorIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
  }

  static idOf(of: ILogOf): string {
    return `chariots-log-${of.job ?? `of-${of.pipeline}`}`;
  }

  override render(): JSX.Element {
    return (
      <Chariots value={this.chariots}>
        <LogView of={this.of} visible={this.isVisible} />
      </Chariots>
    );
  }

  protected override onAfterShow(): void {
    this.update();
  }

  protected override onAfterHide(): void {
    this.update();
  }
}
