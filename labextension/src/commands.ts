/**
 * Commands: of the palette, of menus and of keys.
 */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Dialog, ICommandPalette, InputDialog, showDialog } from '@jupyterlab/apputils';
import { runnable } from './derive';
import { curl, python } from './snippets';
import { chariotsIcon } from './components/icons';
import {
  clearIcon,
  downloadIcon,
  launchIcon,
  redoIcon,
  refreshIcon,
  runIcon,
  saveIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import { isActive, mayAct } from './state';
import { CommandIDs } from './tokens';
import type { IChariots, ViewTab } from './tokens';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

type Args = ReadonlyPartialJSONObject;

export interface IOpeners {
  show(): void;
  open(name: string, tab?: ViewTab): void;
  log(of: { job?: string; pipeline?: string }): void;
  /** The pipeline of the view in front. */
  front(): string | null;
}

export function addCommands(
  app: JupyterFrontEnd,
  chariots: IChariots,
  openers: IOpeners,
  palette: ICommandPalette | null
): void {
  const { commands } = app;
  const { model, host, trans } = chariots;
  const category = 'Chariots';

  const focused = (key: 'pipeline' | 'job') =>
    document.activeElement?.closest<HTMLElement>(`[data-${key}]`)?.dataset[key] ?? null;
  const nameOf = (args: Args) => {
    const job = model.state.jobs.find(one => one.id === args.job);
    return (args.name as string) || job?.pipeline || focused('pipeline') || null;
  };
  const viewOf = (name: string | null) =>
    model.state.pipelines.find(view => view.name === name);
  const jobOf = (args: Args) =>
    model.state.jobs.find(job => job.id === ((args.job as string) || focused('job')));

  /** The pipeline that is meant: named, focused, in front, or asked for. */
  const choose = async (args: Args, title: string): Promise<string | null> => {
    const name = nameOf(args) ?? openers.front();
    if (name) {
      return name;
    }
    const items = model.state.pipelines.map(view => view.name);
    if (items.length < 2) {
      return items[0] ?? null;
    }
    const asked = await InputDialog.getItem({ title, items });
    return asked.value;
  };

  const add = (
    id: string,
    label: string,
    execute: (args: Args) => unknown,
    more: {
      icon?: typeof runIcon;
      enabled?: (args: Args) => boolean;
      visible?: (args: Args) => boolean;
      caption?: string;
      inPalette?: string | false;
      describe?: object;
    } = {}
  ) => {
    commands.addCommand(id, {
      label: args => (args.isPalette ? more.inPalette || label : label),
      caption: more.caption ?? label,
      icon: args => (args.isPalette ? undefined : more.icon),
      isEnabled: more.enabled,
      isVisible: more.visible,
      execute,
      describedBy: { args: (more.describe ?? NAME) as never }
    });
    if (more.inPalette !== false) {
      palette?.addItem({ command: id, category, args: { isPalette: true } });
    }
  };
  /** Without a name it is asked for; with one it must be possible. */
  const can = (test: (name: string) => boolean) => (args: Args) => {
    const name = nameOf(args);
    return name === null || test(name);
  };
  const acts = (action: 'run' | 'save' | 'load') => mayAct(model.state, action);

  add(CommandIDs.show, trans.__('Show Chariots Panel'), () => openers.show(), {
    icon: chariotsIcon,
    inPalette: trans.__('Show Panel'),
    describe: NOTHING
  });
  add(
    CommandIDs.serve,
    trans.__('Serve the Pipelines of This Notebook'),
    () => host.serve?.(),
    {
      icon: chariotsIcon,
      enabled: () => host.serve !== null && mayAct(model.state),
      describe: NOTHING
    }
  );
  add(
    CommandIDs.open,
    trans.__('Open'),
    async args => {
      const name = await choose(args, trans.__('Open pipeline'));
      if (name) {
        openers.open(name, args.tab as ViewTab | undefined);
      }
    },
    { icon: launchIcon, inPalette: trans.__('Open Pipeline…') }
  );
  add(
    CommandIDs.run,
    trans.__('Run…'),
    async args => {
      const name = await choose(args, trans.__('Run pipeline'));
      if (name) {
        host.run(name);
      }
    },
    {
      icon: runIcon,
      inPalette: trans.__('Run Pipeline…'),
      enabled: can(name => {
        const view = viewOf(name);
        return acts('run') && Boolean(view && runnable(view));
      })
    }
  );
  add(
    CommandIDs.save,
    trans.__('Save'),
    async args => {
      const name = await choose(args, trans.__('Save pipeline'));
      if (name) {
        host.save(name);
      }
    },
    {
      icon: saveIcon,
      inPalette: trans.__('Save Pipeline'),
      enabled: can(name => acts('save') && Boolean(viewOf(name)?.unsaved))
    }
  );
  add(
    CommandIDs.load,
    trans.__('Load newest'),
    async args => {
      const name = await choose(args, trans.__('Load pipeline'));
      if (name) {
        host.load(name);
      }
    },
    {
      icon: downloadIcon,
      inPalette: trans.__('Load Newest Versions…'),
      enabled: can(() => acts('load'))
    }
  );
  add(
    CommandIDs.versions,
    trans.__('Choose versions…'),
    async args => {
      const name = await choose(args, trans.__('Choose versions of pipeline'));
      if (name) {
        openers.open(name, 'graph');
      }
    },
    { inPalette: trans.__('Load Versions…') }
  );
  add(
    CommandIDs.unserve,
    trans.__('Stop serving…'),
    async args => {
      const name = await choose(args, trans.__('Stop serving pipeline'));
      if (name) {
        host.unserve(name);
      }
    },
    { inPalette: trans.__('Stop Serving Pipeline…'), enabled: () => acts('save') }
  );
  add(
    CommandIDs.log,
    trans.__('Show log'),
    async args => {
      const job = jobOf(args);
      if (job) {
        openers.log({ job: job.id });
        return;
      }
      const name = await choose(args, trans.__('Show log of pipeline'));
      if (name) {
        openers.log({ pipeline: name });
      }
    },
    { icon: textEditorIcon, inPalette: trans.__('Show Log…') }
  );
  add(
    CommandIDs.cancel,
    trans.__('Cancel'),
    async args => {
      const active = model.state.jobs.filter(isActive);
      let job = jobOf(args) ?? (active.length === 1 ? active[0] : undefined);
      if (!job && active.length) {
        const words = active.map(one => `${one.pipeline} ${one.id.slice(0, 8)}`);
        const asked = await InputDialog.getItem({
          title: trans.__('Cancel job'),
          items: words
        });
        job = active[words.indexOf(asked.value ?? '')];
      }
      if (job) {
        host.cancel(job.id);
      }
    },
    {
      icon: clearIcon,
      inPalette: trans.__('Cancel Job…'),
      enabled: args => {
        const job = jobOf(args);
        return mayAct(model.state) && (job ? isActive(job) : model.state.jobs.some(isActive));
      }
    }
  );
  add(
    CommandIDs.cancelQueued,
    trans.__('Cancel All Queued Jobs…'),
    async () => {
      const waiting = model.state.jobs.filter(job => isActive(job) && job.status !== 'running');
      const text = trans._n('%1 job waits.', '%1 jobs wait.', waiting.length);
      const result = await showDialog({
        title: trans.__('Cancel all queued jobs?'),
        body: `${text} ${trans.__('Jobs that run go on.')}`,
        buttons: [
          Dialog.cancelButton({ label: trans.__('Keep them') }),
          Dialog.warnButton({ label: trans.__('Cancel all') })
        ],
        defaultButton: 0
      });
      if (result.button.accept) {
        await Promise.allSettled(waiting.map(job => model.cancel(job.id)));
      }
    },
    {
      enabled: () =>
        mayAct(model.state) &&
        model.state.jobs.some(job => isActive(job) && job.status !== 'running'),
      describe: NOTHING
    }
  );
  add(
    CommandIDs.again,
    trans.__('Run again'),
    args => {
      const job = jobOf(args);
      if (job) {
        host.again(job.id);
      }
    },
    {
      icon: redoIcon,
      inPalette: false,
      enabled: args => {
        const job = jobOf(args);
        return acts('run') && Boolean(job && !isActive(job));
      }
    }
  );
  add(
    CommandIDs.copyId,
    trans.__('Copy id'),
    args => void navigator.clipboard?.writeText(String(args.job ?? '')),
    { inPalette: false }
  );
  for (const [id, label] of [
    [CommandIDs.curl, trans.__('Copy as curl')],
    [CommandIDs.python, trans.__('Copy as Python')]
  ] as const) {
    add(
      id,
      label,
      args => {
        const name = nameOf(args);
        if (name) {
          const input = model.inputs.get(name);
          const text = id === CommandIDs.curl ? curl(name, input) : python(name, input);
          void navigator.clipboard?.writeText(text);
        }
      },
      { inPalette: false }
    );
  }
  add(CommandIDs.refresh, trans.__('Refresh'), () => model.refresh(), {
    icon: refreshIcon,
    describe: NOTHING
  });

  // enabled or not, as the state is
  const ids = Object.values(CommandIDs).filter(id => commands.hasCommand(id));
  model.subscribe(() => ids.forEach(id => commands.notifyCommandChanged(id)));
}

const NOTHING = { type: 'object', properties: {} };
const NAME = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'Name of the pipeline.' },
    job: { type: 'string', description: 'Id of the job.' },
    tab: { type: 'string', enum: ['graph', 'history', 'served', 'call'] }
  }
};
