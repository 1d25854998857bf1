/**
 * What a screen reader is told without being asked: at most one sentence in three seconds.
 */
import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { numberOf, blame } from '../derive';
import type { IState } from '../state';
import { useChariots } from './context';

const EVERY_MS = 3000;

export function Live(): JSX.Element {
  const { model, trans } = useChariots();
  const [text, setText] = React.useState('');
  React.useEffect(() => {
    let before = model.state;
    let timer: ReturnType<typeof setTimeout> | null = null;
    let news: string[] = [];
    const tell = () => {
      timer = null;
      if (news.length) {
        setText(news.length > 2 ? trans.__('%1 changes', news.length) : news.join('. '));
        news = [];
        timer = setTimeout(tell, EVERY_MS);
      }
    };
    const end = model.subscribe(() => {
      const after = model.state;
      if (before.connection === 'live' && after.connection === 'live') {
        news.push(...changes(before, after, trans));
      }
      before = after;
      if (news.length && timer === null) {
        tell();
      }
    });
    return () => {
      end();
      timer !== null && clearTimeout(timer);
    };
  }, [model, trans]);
  return (
    <div className="jp-Chariots-live" role="status" aria-live="polite">
      {text}
    </div>
  );
}

/** Sentences on what has changed from one state to the next. */
export function changes(
  before: IState,
  after: IState,
  trans: TranslationBundle
): string[] {
  const said: string[] = [];
  if (before.pipelines !== after.pipelines) {
    const old = new Map(before.pipelines.map(view => [view.name, view]));
    for (const view of after.pipelines) {
      const was = old.get(view.name);
      if (was === view) {
        continue;
      }
      if (!was) {
        said.push(trans.__('%1 is served', view.name));
      } else if (was.unsaved && !view.unsaved) {
        said.push(trans.__('%1 saved as %2', view.name, numberOf(view)));
      } else if (was.served?.seq !== view.served?.seq && view.served) {
        said.push(trans.__('%1 loaded, %2', view.name, numberOf(view)));
      }
    }
  }
  if (before.jobs !== after.jobs) {
    const old = new Map(before.jobs.map(job => [job.id, job]));
    for (const job of after.jobs) {
      const was = old.get(job.id);
      if (was && was.status !== job.status) {
        if (job.status === 'failed') {
          said.push(trans.__('%1 failed: %2', job.pipeline, blame(job.error)));
        } else if (job.status === 'done') {
          said.push(trans.__('%1 done', job.pipeline));
        } else if (job.status === 'cancelled') {
          said.push(trans.__('%1 cancelled', job.pipeline));
        }
      }
    }
  }
  return said;
}
