/**
 * The log of a job or pipeline, followed while it grows.
 */
import * as React from 'react';
import { spans, settle } from '../ansi';
import { failureOf } from '../api';
import { isActive } from '../state';
import { Button } from './button';
import { useChariots, useChariotsState } from './context';
import { download } from './served';

const MOST_LINES = 10_000;
const LINE = 18;
const SPARE = 20;
/** How often a log is asked for that cannot be waited for. */
const EVERY_MS = 2000;

export function LogView(props: {
  of: { job?: string; pipeline?: string };
  /** What is not seen is not followed. */
  visible: boolean;
}): JSX.Element {
  const { of } = props;
  const { trans, host } = useChariots();
  const state = useChariotsState();
  const job = state.jobs.find(one => one.id === of.job);
  const { lines, error } = useLog(of, props.visible && state.connection === 'live');
  const [follow, setFollow] = React.useState(true);
  const [seen, setSeen] = React.useState(0);
  const [view, setView] = React.useState({ top: 0, height: 600 });
  const box = React.useRef<HTMLDivElement>(null);
  const name = of.pipeline ?? job?.pipeline ?? of.job ?? '';

  React.useLayoutEffect(() => {
    const node = box.current;
    if (node && follow) {
      node.scrollTop = node.scrollHeight;
      setSeen(lines.length);
      setView({ top: node.scrollTop, height: node.clientHeight || 600 });
    }
  }, [lines, follow]);

  const first = Math.max(0, Math.floor(view.top / LINE) - SPARE);
  const last = Math.min(lines.length, Math.ceil((view.top + view.height) / LINE) + SPARE);
  const fresh = lines.length - seen;
  const toEnd = () => setFollow(true);
  return (
    <div className="jp-ChariotsView" role="region" aria-label={trans.__('Log of %1', name)}>
      <div className="jp-ChariotsView-toolbar" role="toolbar" aria-label={trans.__('Log')}>
        <Button
          text={trans.__('Follow')}
          title={trans.__('Keep the last line in sight')}
          pressed={follow}
          onClick={() => setFollow(!follow)}
          testid="chariots-follow"
        />
        <Button
          icon="download"
          text={trans.__('Download')}
          title={trans.__('Save the log as a file')}
          disabled={lines.length ? null : trans.__('Nothing to save')}
          onClick={() => download(`${name}.log`, lines.map(plain).join('\n'))}
        />
        {job && isActive(job) && (
          <Button
            icon="close"
            text={trans.__('Cancel')}
            title={trans.__('Cancel this job')}
            onClick={() => host.cancel(job.id)}
          />
        )}
        <span className="ch-spacer" />
        <span className="ch-mute">{job?.status ?? ''}</span>
      </div>
      {error ? (
        <div className="jp-Chariots-banner is-bad" role="alert">
          <span className="ch-i" />
          <span>{failureOf(error).message}</span>
        </div>
      ) : null}
      <div
        ref={box}
        className="ch-log"
        role="log"
        aria-live="off"
        tabIndex={0}
        data-testid="chariots-log"
        onScroll={event => {
          const node = event.currentTarget;
          const end = node.scrollHeight - node.scrollTop - node.clientHeight < LINE;
          if (end !== follow) {
            setFollow(end);
          }
          setView({ top: node.scrollTop, height: node.clientHeight });
        }}
      >
        {lines.length ? (
          <div style={{ height: lines.length * LINE, position: 'relative' }}>
            <div style={{ position: 'absolute', top: first * LINE }}>
              {lines.slice(first, last).map((line, index) => (
                <Line key={first + index} line={line} />
              ))}
            </div>
          </div>
        ) : (
          !error && <p className="ch-mute">{trans.__('Nothing was printed yet.')}</p>
        )}
      </div>
      {!follow && fresh > 0 && (
        <button type="button" className="ch-btn is-filled ch-newlines" onClick={toEnd}>
          {trans._n('%1 new line ↓', '%1 new lines ↓', fresh)}
        </button>
      )}
    </div>
  );
}

const Line = React.memo(function Line(props: { line: string }): JSX.Element {
  return (
    <div className="ch-logline">
      {spans(props.line).map((span, index) => (
        <span key={index} className={span.classes}>
          {span.text}
        </span>
      ))}
    </div>
  );
});

function plain(line: string): string {
  return spans(line)
    .map(span => span.text)
    .join('');
}

/** The lines of a log so far; it is followed as long as somebody looks. */
function useLog(
  of: { job?: string; pipeline?: string },
  live: boolean
): { lines: readonly string[]; error: unknown } {
  const { model } = useChariots();
  const [lines, setLines] = React.useState<readonly string[]>([]);
  const [error, setError] = React.useState<unknown>(null);
  const text = React.useRef('');
  const offset = React.useRef<string | undefined>(undefined);
  React.useEffect(() => {
    if (!live) {
      return;
    }
    const asking = new AbortController();
    const follow = async () => {
      while (!asking.signal.aborted) {
        const began = Date.now();
        let failed = false;
        try {
          const got = await (of.job
            ? model.api.jobLog(of.job, offset.current, asking.signal)
            : model.api.pipelineLog(of.pipeline ?? '', offset.current, asking.signal));
          setError(null);
          offset.current = got.offset;
          if (got.text) {
            const all = (text.current + got.text).split('\n');
            text.current = all.slice(-MOST_LINES).join('\n');
            setLines(text.current.replace(/\n$/, '').split('\n').map(settle));
          }
          if (got.ended) {
            return;
          }
        } catch (reason) {
          if (asking.signal.aborted) {
            return;
          }
          setError(reason);
          failed = true;
        }
        const rest = Math.max(100, EVERY_MS - (Date.now() - began));
        await new Promise(resolve => setTimeout(resolve, of.job && !failed ? 100 : rest));
        while (document.hidden && !asking.signal.aborted) {
          await new Promise(resolve => setTimeout(resolve, EVERY_MS));
        }
      }
    };
    void follow();
    return () => asking.abort();
  }, [of.job, of.pipeline, live]);
  return { lines, error };
}
