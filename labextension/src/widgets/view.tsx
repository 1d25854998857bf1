/**
 * The main-area view of a pipeline.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Chariots } from '../components/context';
import { chariotsIcon } from '../components/icons';
import { PipelineView } from '../components/view';
import type { IChariots, ViewTab } from '../tokens';

export class ViewWidget extends ReactWidget {
  constructor(
    private readonly chariots: IChariots,
    readonly name: string
  ) {
    super();
    this.id = `chariots-view-${name}`;
    this.addClass('jp-ChariotsViewWidget');
    this.title.label = name;
    this.title.caption = chariots.trans.__('Pipeline %1', name);
    this.title.icon = chariotsIcon;
    this.title.closable = true;
    this.node.tabIndex = -1;
  }

  /** Show one of the tabs. */
  showTab(tab: ViewTab): void {
    this._tab = tab;
    this.update();
  }

  override render(): JSX.Element {
    return (
      <Chariots value={this.chariots}>
        <PipelineView
          name={this.name}
          tab={this._tab}
          onTab={tab => {
            this._tab = tab;
            this.update();
          }}
        />
      </Chariots>
    );
  }

  protected override onAfterShow(): void {
    this._unwatch ??= this.chariots.model.watch();
  }

  protected override onAfterHide(): void {
    this._unwatch?.();
    this._unwatch = null;
  }

  override dispose(): void {
    this._unwatch?.();
    super.dispose();
  }

  private _tab: ViewTab = 'graph';
  private _unwatch: (() => void) | null = null;
}
