/**
 * The extension: one model for the page, and what shows it in JupyterLab.
 */
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, IToolbarWidgetRegistry, MainAreaWidget, Notification, WidgetTracker } from '@jupyterlab/apputils';
import { URLExt } from '@jupyterlab/coreutils';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { ServerConnection } from '@jupyterlab/services';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStateDB } from '@jupyterlab/statedb';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Api } from './api';
import { addCommands } from './commands';
import { blame } from './derive';
import { makeHost } from './host';
import type { IHostOptions } from './host';
import { ChariotsModel } from './model';
import { NotebookServing } from './notebook';
import { underRoot } from './paths';
import { CommandIDs, IChariots } from './tokens';
import type { ViewTab } from './tokens';
import type { IEvent } from './types';
import { RANK, cellPanels } from './widgets/cellpanel';
import { LogWidget } from './widgets/log';
import type { ILogOf } from './widgets/log';
import { serveButton } from './widgets/notebookbutton';
import { ChariotsPanel } from './widgets/panel';
import type { IArrangement } from './widgets/panel';
import { statusItem, unseen } from './widgets/status';
import type { StatusMode } from './widgets/status';
import { ViewWidget } from './widgets/view';
import { RELEASE } from './release';

const ID = 'jupyter-chariots:plugin';
const ARRANGEMENT = 'jupyter-chariots:arrangement';

const plugin: JupyterFrontEndPlugin<IChariots> = {
  id: ID,
  description: 'Pipelines, their versions and jobs.',
  autoStart: true,
  provides: IChariots,
  optional: [
    ILabShell,
    ILayoutRestorer,
    ICommandPalette,
    INotebookTracker,
    IRenderMimeRegistry,
    ISettingRegistry,
    IStateDB,
    IStatusBar,
    IToolbarWidgetRegistry,
    ITranslator
  ],
  activate: (
    app: JupyterFrontEnd,
    labShell: ILabShell | null,
    restorer: ILayoutRestorer | null,
    palette: ICommandPalette | null,
    notebooks: INotebookTracker | null,
    renderers: IRenderMimeRegistry | null,
    settings: ISettingRegistry | null,
    stateDB: IStateDB | null,
    statusBar: IStatusBar | null,
    toolbars: IToolbarWidgetRegistry | null,
    translator: ITranslator | null
  ): IChariots => {
    const trans = (translator ?? nullTranslator).load('jupyter_chariots');
    const { serverSettings, events } = app.serviceManager;
    const api = new Api((path, init = {}) =>
      ServerConnection.makeRequest(
        URLExt.join(serverSettings.baseUrl, 'chariots', path),
        init,
        serverSettings
      )
    );
    const model = new ChariotsModel(api);
    const serving = new NotebookServing(model, trans, () => host);
    const around: Omit<IHostOptions, 'visible'> = {
      model,
      commands: app.commands,
      trans,
      serve: notebooks ? () => void serving.serve(notebooks.currentWidget) : null,
      goTo: (path, cell) => {
        void app.commands.execute('docmanager:open', { path: underRoot(path) }).then(widget => {
          showCell(widget as NotebookPanel | null, cell);
        });
      }
    };
    const host = makeHost({ ...around, visible: () => panel.isVisible });
    const chariots: IChariots = { model, host, trans };

    // what the page tells the model
    void hear(events, model);
    const seen = () => (model.visible = !document.hidden);
    document.addEventListener('visibilitychange', seen);
    seen();

    // the side panel
    const panel = new ChariotsPanel({
      chariots,
      translator: translator ?? nullTranslator,
      release: RELEASE,
      arrangement: { folds: {}, filter: 'all' }
    });
    app.shell.add(panel, 'left', { rank: 700, type: 'Chariots' });
    restorer?.add(panel, panel.id);
    if (stateDB) {
      void stateDB.fetch(ARRANGEMENT).then(saved => {
        if (saved && typeof saved === 'object') {
          panel.restore(saved as unknown as Partial<IArrangement>);
        }
        panel.arranged.connect((_, now) => void stateDB.save(ARRANGEMENT, now as never));
      });
    }

    // the views
    const views = new WidgetTracker<MainAreaWidget<ViewWidget>>({ namespace: 'chariots-view' });
    const logs = new WidgetTracker<MainAreaWidget<LogWidget>>({ namespace: 'chariots-log' });
    // the main area of Notebook 7 holds the notebook and nothing else
    const main = labShell ? 'main' : 'down';
    const open = (name: string, tab?: ViewTab) => {
      let widget = views.find(one => one.content.name === name);
      if (!widget) {
        const content = new ViewWidget(chariots, name);
        widget = new MainAreaWidget({ content });
        widget.id = content.id;
        widget.toolbar.hide();
        void views.add(widget);
      }
      if (!widget.isAttached) {
        app.shell.add(widget, main);
      }
      if (tab) {
        widget.content.showTab(tab);
      }
      app.shell.activateById(widget.id);
    };
    const log = (of: ILogOf) => {
      let widget = logs.find(one => one.content.id === LogWidget.idOf(of));
      if (!widget) {
        const content = new LogWidget(chariots, of);
        widget = new MainAreaWidget({ content });
        widget.id = `${content.id}-tab`;
        widget.toolbar.hide();
        void logs.add(widget);
      }
      if (!widget.isAttached) {
        app.shell.add(widget, main, { mode: 'split-bottom' });
      }
      app.shell.activateById(widget.id);
    };
    addCommands(
      app,
      chariots,
      {
        show: () => app.shell.activateById(panel.id),
        open,
        log,
        front: () => {
          const current = labShell?.currentWidget ?? app.shell.currentWidget;
          const view = views.find(one => one === current);
          return view?.content.name ?? null;
        }
      },
      palette
    );
    if (restorer) {
      void restorer.restore(views, {
        command: CommandIDs.open,
        args: widget => ({ name: widget.content.name }),
        name: widget => widget.content.name
      });
      void restorer.restore(logs, {
        command: CommandIDs.log,
        args: widget => ({ ...widget.content.of }),
        name: widget => widget.content.id
      });
    }

    // the panel in the output of a cell, whose rows are seen by whoever presses its buttons
    const inCell = { ...chariots, host: makeHost({ ...around, visible: () => true }) };
    renderers?.addFactory(cellPanels(inCell, notebooks), RANK);

    // the notebook's toolbar
    toolbars?.addFactory<NotebookPanel>('Notebook', 'chariots-serve', widget =>
      serveButton(widget, serving, trans)
    );

    // settings, status bar, notifications
    let mode: StatusMode = 'always';
    let notify = true;
    let seenUntil = Date.now();
    const listeners = new Set<() => void>();
    const tell = () => listeners.forEach(listener => listener());
    let unwatch: (() => void) | null = null;
    const apply = () => {
      if (mode !== 'never' && statusBar) {
        unwatch ??= model.watch();
      } else {
        unwatch?.();
        unwatch = null;
      }
      tell();
    };
    statusBar?.registerStatusItem('jupyter-chariots:status', {
      align: 'left',
      rank: 3,
      item: statusItem(chariots, {
        mode: () => mode,
        seen: () => seenUntil,
        onClick: () => {
          seenUntil = Date.now();
          tell();
          app.shell.activateById(panel.id);
        },
        changed: {
          subscribe: listener => {
            listeners.add(listener);
            return () => listeners.delete(listener);
          }
        }
      })
    });
    apply();
    void settings?.load(ID).then(
      loaded => {
        const read = () => {
          mode = loaded.composite.statusBar as StatusMode;
          notify = Boolean(loaded.composite.notifications);
          apply();
        };
        loaded.changed.connect(read);
        read();
      },
      reason => console.warn('The settings of Chariots cannot be read.', reason)
    );
    const told = new Set<string>();
    model.subscribe(() => {
      const failed = unseen(model.state, seenUntil);
      if (panel.isVisible && failed.length) {
        seenUntil = Date.now();
        tell();
        return;
      }
      for (const job of failed) {
        if (notify && !told.has(job.id)) {
          told.add(job.id);
          const text = trans.__('%1 failed: %2', job.pipeline, blame(job.error));
          Notification.error(text, {
            autoClose: 10_000,
            actions: [
              { label: trans.__('Show log'), callback: () => host.log({ job: job.id }) },
              { label: trans.__('Run again'), callback: () => host.again(job.id) }
            ]
          });
        }
      }
    });
    return chariots;
  }
};

/** Pass events on; the socket is JupyterLab's own and connects again by itself. */
async function hear(
  events: JupyterFrontEnd['serviceManager']['events'],
  model: ChariotsModel
): Promise<void> {
  events.stream.connect((_, event) => model.hear(event as unknown as IEvent));
}

/** Make a cell of a notebook the active one. */
function showCell(panel: NotebookPanel | null, cell: string | undefined): void {
  const notebook = panel?.content;
  if (!notebook?.widgets || cell === undefined) {
    return;
  }
  void panel!.revealed.then(() => {
    const index = notebook.widgets.findIndex(one => one.model.id === cell);
    if (index >= 0) {
      notebook.activeCellIndex = index;
      void notebook.scrollToItem?.(index);
    }
  });
}

export { IChariots };
export default plugin;
