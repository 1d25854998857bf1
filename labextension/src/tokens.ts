/**
 * What other extensions, and the widget in a notebook, get from this one.
 */
import { Token } from '@lumino/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ChariotsModel } from './model';

/** What components ask of the page around them. */
export interface IHost {
  /** Show a pipeline's main-area view, at a tab of it. */
  open(name: string, tab?: ViewTab): void;
  /** Show the log of a job or pipeline. */
  log(of: { job?: string; pipeline?: string }): void;
  /** Show a menu of commands at a place of the page. */
  menu(of: { job?: string; pipeline?: string }, x: number, y: number): void;
  /** Run a pipeline: at once, or where its input can be given. */
  run(name: string): void;
  save(name: string): void;
  load(name: string, versions?: Record<string, string>): void;
  unserve(name: string): void;
  cancel(job: string): void;
  again(job: string): void;
  /** Tell an error in full. */
  explain(title: string, failure: import('./types').IRefusal): void;
  /** Serve the pipelines of the notebook in front; null where there can be none. */
  serve: (() => void) | null;
  /** Open a notebook of the server, at a cell if one is given. */
  goTo(path: string, cell?: string): void;
  /** More actions of the panel itself, as a menu. */
  more(x: number, y: number): void;
}

export type ViewTab = 'graph' | 'history' | 'served' | 'call';

/** The one model of the page, and what it is shown with. */
export interface IChariots {
  readonly model: ChariotsModel;
  readonly host: IHost;
  readonly trans: TranslationBundle;
  /** It is shown in the output of a cell: hooks for tests are classes there. */
  readonly inCell?: boolean;
}

export const IChariots = new Token<IChariots>(
  'jupyter-chariots:IChariots',
  'The model of the pipelines and jobs of the server, and actions on them.'
);

/** Identifiers of the commands. */
export namespace CommandIDs {
  export const show = 'chariots:show-panel';
  export const serve = 'chariots:serve-notebook';
  export const open = 'chariots:open';
  export const run = 'chariots:run';
  export const save = 'chariots:save';
  export const load = 'chariots:load';
  export const versions = 'chariots:choose-versions';
  export const unserve = 'chariots:stop-serving';
  export const log = 'chariots:log';
  export const cancel = 'chariots:cancel-job';
  export const cancelQueued = 'chariots:cancel-queued';
  export const again = 'chariots:run-again';
  export const copyId = 'chariots:copy-id';
  export const curl = 'chariots:copy-as-curl';
  export const python = 'chariots:copy-as-python';
  export const refresh = 'chariots:refresh';
}
