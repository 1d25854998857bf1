/**
 * Serving the pipelines of a notebook: its kernel is asked which there are, and to serve them.
 */
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { KernelMessage } from '@jupyterlab/services';
import { Widget } from '@lumino/widgets';
import type { ChariotsModel } from './model';
import type { IHost } from './tokens';

/** Names nothing in the user's namespace: all of it is within one function. */
const CODE = `
def __chariots(wanted):
    import json
    from jupyter_chariots import Pipeline, PipelinesClient
    found = {}
    for value in list(globals().values()):
        if isinstance(value, Pipeline):
            found.setdefault(value.name, value)
    if wanted is None:
        print(json.dumps(list(found)))
    else:
        PipelinesClient().serve(*[found[name] for name in wanted if name in found])
try:
    __chariots(WANTED)
finally:
    del __chariots
`;

interface IRan {
  text: string;
  error: { name: string; message: string; traceback: string } | null;
}

export class NotebookServing {
  constructor(
    private readonly model: ChariotsModel,
    private readonly trans: TranslationBundle,
    private readonly host: () => IHost
  ) {}

  /** Whether this notebook is being served just now. */
  isBusy(panel: NotebookPanel): boolean {
    return this._busy.has(panel.id);
  }

  /** Called when that changes. */
  readonly listeners = new Set<() => void>();

  /** Why it cannot be served; null: it can. */
  hindrance(panel: NotebookPanel | null): string | null {
    if (!panel) {
      return this.trans.__('Open a notebook first');
    }
    return panel.sessionContext.session?.kernel ? null : this.trans.__('Start a kernel first');
  }

  async serve(panel: NotebookPanel | null): Promise<void> {
    const { trans } = this;
    const hindrance = this.hindrance(panel);
    if (!panel || hindrance) {
      Notification.info(hindrance ?? '', { autoClose: 4000 });
      return;
    }
    if (this._busy.has(panel.id)) {
      return;
    }
    this._busy.add(panel.id);
    this.tell();
    try {
      const found = await this.run(panel, 'None');
      if (found.error) {
        this.complain(found);
        return;
      }
      const names = JSON.parse(found.text.trim().split('\n').pop() || '[]') as string[];
      if (!names.length) {
        Notification.info(trans.__('No pipeline is defined in this notebook'), {
          autoClose: 4000
        });
        return;
      }
      const wanted = names.length > 1 ? await ask(names, trans) : names;
      if (wanted.length) {
        const ran = await this.run(panel, JSON.stringify(wanted));
        if (ran.error) {
          this.complain(ran);
        }
        await this.model.refresh();
      }
    } finally {
      this._busy.delete(panel.id);
      this.tell();
    }
  }

  private async run(panel: NotebookPanel, wanted: string): Promise<IRan> {
    const kernel = panel.sessionContext.session!.kernel!;
    const future = kernel.requestExecute({
      code: CODE.replace('WANTED', wanted),
      store_history: false,
      stop_on_error: false
    });
    const ran: IRan = { text: '', error: null };
    future.onIOPub = msg => {
      if (msg.header.msg_type === 'stream') {
        const { name, text } = msg.content as KernelMessage.IStreamMsg['content'];
        ran.text += name === 'stdout' ? text : '';
      } else if (msg.header.msg_type === 'error') {
        const { ename, evalue, traceback } = msg.content as KernelMessage.IErrorMsg['content'];
        // eslint-disable-next-line no-control-regex
        const plain = traceback.join('\n').replace(/\u001b\[[0-9;]*m/g, '');
        ran.error = { name: ename, message: evalue, traceback: plain };
      }
    };
    await future.done;
    return ran;
  }

  private complain({ error }: IRan): void {
    if (!error) {
      return;
    }
    const { trans } = this;
    const title = trans.__('The notebook could not be served');
    const missing = error.name === 'ModuleNotFoundError';
    const message = missing
      ? trans.__('Its kernel does not have jupyter_chariots: pip install jupyter-chariots')
      : error.message || error.name;
    const failure = { code: error.name, message, traceback: error.traceback };
    Notification.error(`${title}: ${message.split('\n')[0]}`, {
      autoClose: 10_000,
      actions: [
        {
          label: trans.__('Details'),
          callback: () => this.host().explain(title, failure)
        }
      ]
    });
  }

  private tell(): void {
    this.listeners.forEach(listener => listener());
  }

  private _busy = new Set<string>();
}

/** Ask which of several pipelines to serve. */
async function ask(names: string[], trans: TranslationBundle): Promise<string[]> {
  const node = document.createElement('div');
  node.className = 'jp-Chariots-checklist';
  const boxes = names.map(name => {
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    label.append(box, document.createTextNode(` ${name}`));
    node.append(label);
    return box;
  });
  const result = await showDialog({
    title: trans.__('Serve which pipelines?'),
    body: new Widget({ node }),
    buttons: [
      Dialog.cancelButton(),
      Dialog.okButton({ label: trans.__('Serve') })
    ]
  });
  return result.button.accept ? names.filter((_, i) => boxes[i].checked) : [];
}
