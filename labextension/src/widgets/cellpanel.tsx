/**
 * The panel in the output of a cell, as JupyterLab's outputs want it.
 *
 * It is drawn for a media type of its own, which `panel()` puts beside widgets that every front
 * end has: whoever has this extension takes this, all others take those.
 */
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { PartialJSONObject } from '@lumino/coreutils';
import * as React from 'react';
import { CellPanel } from '../components/cellpanel';
import { Empty } from '../components/words';
import { MIME, keep, readKept } from '../kept';
import type { IKept } from '../kept';
import type { IChariots } from '../tokens';

/** Before what ipywidgets would draw of the same output (-10). */
export const RANK = -20;

/** It shows text only, whatever the notebook says, so it may be seen in one that nobody trusts. */
export function cellPanels(
  chariots: IChariots,
  notebooks: INotebookTracker | null
): IRenderMime.IRendererFactory {
  return {
    safe: true,
    mimeTypes: [MIME],
    createRenderer: () => new CellPanelWidget(chariots, notebooks)
  };
}

export class CellPanelWidget extends ReactWidget implements IRenderMime.IRenderer {
  constructor(
    private readonly chariots: IChariots,
    private readonly notebooks: INotebookTracker | null
  ) {
    super();
    this.addClass('jp-ChariotsCell');
    // the keys of the notebook are its own: "d d" in a list of pipelines deletes no cell
    this.node.addEventListener('focusin', event => {
      (event.target as HTMLElement).dataset.lmSuppressShortcuts = 'true';
    });
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const data = model.data[MIME];
    if (JSON.stringify(data) !== JSON.stringify(this._data)) {
      this._data = data;
      this._kept = readKept(data);
      this.update();
    }
    await this.renderPromise;
  }

  override render(): JSX.Element | null {
    const kept = this._kept;
    if (!kept) {
      return null;
    }
    return (
      <div className="jp-Chariots chariots-widget">
        <Guard trans={this.chariots.trans}>
          <CellPanel
            chariots={this.chariots}
            kept={kept}
            notebook={this._panel?.context.localPath ?? null}
            kernel={!this._panel || Boolean(this._panel.sessionContext.session?.kernel)}
          />
        </Guard>
      </div>
    );
  }

  protected override onAfterAttach(): void {
    const panel = this.notebooks?.find(one => one.node.contains(this.node)) ?? null;
    if (panel !== this._panel) {
      this.leave();
      this._panel = panel;
      panel?.sessionContext.kernelChanged.connect(this.update, this);
      panel?.context.saveState.connect(this.save, this);
    }
    if (this.isVisible) {
      this.onAfterShow();
    }
    this.update();
  }

  protected override onBeforeDetach(): void {
    this.onAfterHide();
    super.onBeforeDetach(undefined as never);
  }

  protected override onAfterShow(): void {
    this._unwatch ??= this.chariots.model.watch();
  }

  protected override onAfterHide(): void {
    this._unwatch?.();
    this._unwatch = null;
  }

  override dispose(): void {
    this.onAfterHide();
    this.leave();
    super.dispose();
  }

  private leave(): void {
    this._panel?.sessionContext.kernelChanged.disconnect(this.update, this);
    this._panel?.context.saveState.disconnect(this.save, this);
    this._panel = null;
  }

  /** When the notebook is saved, it keeps the state of then. */
  private save(_: unknown, saving: string): void {
    const { state } = this.chariots.model;
    const kept = this._kept;
    if (saving !== 'started' || state.connection !== 'live' || !kept) {
      return;
    }
    const cell = this._panel?.content.widgets.find(one => one.node.contains(this.node));
    const outputs = (cell?.model as { outputs?: IOutputs } | undefined)?.outputs;
    for (let i = 0; outputs && i < outputs.length; i++) {
      const output = outputs.get(i).toJSON();
      const { data } = output;
      const before = data?.[MIME];
      if (before !== undefined && readKept(before).only === kept.only) {
        const now = keep(state, kept.only, before);
        if (JSON.stringify(now) !== JSON.stringify(before)) {
          outputs.set(i, { ...output, data: { ...data, [MIME]: now } });
        }
      }
    }
  }

  private _data: unknown;
  private _kept: IKept | null = null;
  private _panel: NotebookPanel | null = null;
  private _unwatch: (() => void) | null = null;
}

/** The outputs of a code cell. */
interface IOutputs {
  readonly length: number;
  get(index: number): { toJSON(): { data?: PartialJSONObject } };
  set(index: number, output: object): void;
}

/** A notebook may hold anything in place of a state. */
class Guard extends React.Component<
  { trans: IChariots['trans']; children: React.ReactNode },
  { failed: boolean }
> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): React.ReactNode {
    const { trans, children } = this.props;
    return this.state.failed ? <Empty title={trans.__('This panel cannot be shown')} /> : children;
  }
}
