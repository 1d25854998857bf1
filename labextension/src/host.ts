/**
 * The page around the components: JupyterLab's dialogs, notifications, menus and commands.
 */
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import { MenuSvg } from '@jupyterlab/ui-components';
import { Widget } from '@lumino/widgets';
import { failureOf } from './api';
import { versionOf } from './derive';
import * as format from './format';
import type { ChariotsModel } from './model';
import { CommandIDs } from './tokens';
import type { IHost } from './tokens';
import type { IPipeline, IRefusal } from './types';

const UNDO_MS = 10_000;

export interface IHostOptions {
  model: ChariotsModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
  serve: (() => void) | null;
  goTo: (path: string, cell?: string) => void;
  /** Whether rows of pipelines and jobs can be seen, so that nothing else need be said. */
  visible: () => boolean;
}

export function makeHost(options: IHostOptions): IHost {
  const { model, commands, trans, visible } = options;
  const viewOf = (name: string) => model.state.pipelines.find(view => view.name === name);
  const execute = (id: string, args: Record<string, string | undefined>) =>
    void commands.execute(id, { ...args });

  const menu = (items: (string | null)[], args: Record<string, string>, x: number, y: number) => {
    const made = new MenuSvg({ commands });
    made.addClass('jp-Chariots-menu');
    for (const command of items) {
      made.addItem(command ? { command, args } : { type: 'separator' });
    }
    made.aboutToClose.connect(() => requestAnimationFrame(() => made.dispose()));
    made.open(x, y);
  };

  const host: IHost = {
    serve: options.serve,
    goTo: options.goTo,
    open: (name, tab) => execute(CommandIDs.open, { name, tab }),
    log: of => execute(CommandIDs.log, of),

    menu: (of, x, y) =>
      of.pipeline !== undefined
        ? menu(PIPELINE_MENU, { name: of.pipeline }, x, y)
        : menu(JOB_MENU, { job: of.job ?? '' }, x, y),

    more: (x, y) => menu([CommandIDs.cancelQueued, CommandIDs.refresh], {}, x, y),

    run(name) {
      const view = viewOf(name);
      if (view?.takes_input) {
        host.open(name, 'call');
        return;
      }
      const unseen = !visible();
      model.run(name).then(
        answer => {
          if (unseen && answer.job_status === 'done') {
            Notification.success(trans.__('%1 has run.', name), {
              actions: [{ label: trans.__('Open %1', name), callback: () => host.open(name) }]
            });
          }
        },
        reason => unseen && complain(trans.__('%1 could not run', name), reason)
      );
    },

    save(name) {
      const unseen = !visible();
      model.save(name).then(
        warnings => {
          const view = viewOf(name);
          if (unseen && view) {
            Notification.success(trans.__('%1 saved: %2', name, numbers(view)));
          }
          warn(warnings);
        },
        reason => unseen && complain(trans.__('%1 could not be saved', name), reason)
      );
    },

    load(name, versions) {
      const unseen = !visible();
      const before = viewOf(name)?.served ?? null;
      model.load(name, versions).then(
        warnings => {
          const view = viewOf(name);
          const after = view?.served ?? null;
          warn(warnings);
          const changed = (view?.ops ?? []).filter(
            op => after?.versions[op]?.version !== before?.versions[op]?.version
          );
          if (!after || !changed.length) {
            Notification.info(trans.__('%1 serves the newest versions that fit.', name), {
              autoClose: 3000
            });
            return;
          }
          const was: Record<string, string> = {};
          for (const [op, { number }] of Object.entries(before?.versions ?? {})) {
            if (number) {
              was[op] = number;
            }
          }
          const now = changed.map(op => `${op} ${after.versions[op]?.number ?? '–'}`).join(', ');
          const old = changed.map(op => was[op] ?? '').filter(Boolean).join(', ');
          const undo = Object.keys(was).length
            ? [{ label: trans.__('Undo'), callback: () => host.load(name, was) }]
            : [];
          Notification.success(
            old
              ? trans.__('Loaded %1 into %2 (was %3).', now, name, old)
              : trans.__('Loaded %1 into %2.', now, name),
            { autoClose: UNDO_MS, actions: undo }
          );
        },
        reason => unseen && complain(trans.__('%1 could not be loaded', name), reason)
      );
    },

    async unserve(name) {
      const text = trans.__(
        'Calls will be answered 404. Saved versions, jobs and logs stay in the store; serve it again from its notebook at any time.'
      );
      const buttons = [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Stop serving') })
      ];
      const title = trans.__('Stop serving %1?', name);
      const result = await showDialog({ title, body: text, buttons, defaultButton: 0 });
      if (result.button.accept) {
        await model
          .unserve(name)
          .catch(reason => complain(trans.__('%1 is still served', name), reason));
      }
    },

    async cancel(id) {
      const job = model.state.jobs.find(one => one.id === id);
      if (job?.status === 'running') {
        const since = format.date(job.started ?? job.submitted).getTime();
        const ran = format.duration((Date.now() - since) / 1000);
        const result = await showDialog({
          title: trans.__('Cancel the running job?'),
          body: trans.__(
            '%1 %2 has run for %3. What it has done so far is not kept; its log is.',
            job.pipeline,
            id.slice(0, 4),
            ran
          ),
          buttons: [
            Dialog.cancelButton({ label: trans.__('Keep running') }),
            Dialog.warnButton({ label: trans.__('Cancel job') })
          ],
          defaultButton: 0
        });
        if (!result.button.accept) {
          return;
        }
      }
      await model
        .cancel(id)
        .catch(reason => complain(trans.__('The job could not be cancelled'), reason));
    },

    again(id) {
      const job = model.state.jobs.find(one => one.id === id);
      const view = job && viewOf(job.pipeline);
      if (!job || !view) {
        const reason = new Error(trans.__('Its pipeline is not served any more.'));
        complain(trans.__('The job cannot run again'), reason);
      } else if (view.takes_input && !model.inputs.has(view.name)) {
        host.open(view.name, 'call');
      } else {
        const input = model.inputs.get(view.name);
        model
          .run(view.name, { input, asJob: true })
          .catch(reason => complain(trans.__('%1 could not run', view.name), reason));
      }
    },

    explain(title, failure) {
      void showDialog({
        title,
        body: failureWidget(failure, trans),
        buttons: [
          Dialog.createButton({ label: trans.__('Copy'), actions: ['copy'] }),
          Dialog.okButton({ label: trans.__('Close') })
        ],
        defaultButton: 1,
        hasClose: true
      }).then(result => {
        if (result.button.actions.includes('copy')) {
          const { message, hint, traceback } = failure;
          const text = [message, hint, traceback].filter(Boolean).join('\n\n');
          void navigator.clipboard?.writeText(text);
        }
      });
    }
  };

  const complain = (title: string, reason: unknown) => {
    const failure = failureOf(reason);
    Notification.error(`${title}: ${failure.message.split('\n')[0]}`, {
      autoClose: UNDO_MS,
      actions: [
        { label: trans.__('Details'), callback: () => host.explain(title, failure) }
      ]
    });
  };
  const warn = (warnings: string[]) => {
    if (warnings.length) {
      Notification.warning(warnings.join('\n'), { autoClose: UNDO_MS });
    }
  };
  return host;
}

const PIPELINE_MENU = [
  CommandIDs.run,
  CommandIDs.save,
  CommandIDs.load,
  CommandIDs.versions,
  null,
  CommandIDs.open,
  CommandIDs.log,
  CommandIDs.curl,
  CommandIDs.python,
  null,
  CommandIDs.unserve
];

const JOB_MENU = [
  CommandIDs.log,
  CommandIDs.again,
  CommandIDs.cancel,
  null,
  CommandIDs.open,
  CommandIDs.copyId
];

function numbers(view: IPipeline): string {
  return (view.ops ?? [])
    .map(op => `${op} ${versionOf(view, op)?.number ?? '–'}`)
    .join(', ');
}

/** Message, hint and traceback; all of it is text that users have written. */
function failureWidget(failure: IRefusal, trans: TranslationBundle): Widget {
  const node = document.createElement('div');
  node.className = 'jp-Chariots-failure';
  const add = (tag: string, text: string, parent: HTMLElement = node) => {
    const part = document.createElement(tag);
    part.textContent = text;
    parent.append(part);
    return part;
  };
  add('p', failure.message);
  if (failure.node || failure.op) {
    add('p', [failure.node && trans.__('Node: %1', failure.node), failure.op && trans.__('Op: %1', failure.op)].filter(Boolean).join(' · '));
  }
  if (failure.hint) {
    add('pre', failure.hint);
  }
  if (failure.traceback) {
    const details = add('details', '');
    add('summary', trans.__('Traceback'), details);
    add('pre', failure.traceback, details);
  }
  return new Widget({ node });
}
