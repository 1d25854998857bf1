/**
 * The tab "Call": an input, and what came of it.
 */
import * as React from 'react';
import { failureOf } from '../api';
import { runnable } from '../derive';
import * as format from '../format';
import { curl, python } from '../snippets';
import type { IAnswer, IRefusal } from '../types';
import { Button } from './button';
import { useChariots, useChariotsState, useHook } from './context';
import { Icon } from './icons';
import { blockedFor } from './pipelines';
import type { ITabProps } from './tab';

interface IResult {
  answer?: IAnswer;
  failure?: IRefusal;
  took: number;
}

export interface ICallProps extends ITabProps {
  /** Whether the input gets the focus at once. */
  focus?: boolean;
}

export function Call(props: ICallProps): JSX.Element {
  const { view, whole, focus = true } = props;
  const { trans, model, host, inCell } = useChariots();
  const state = useChariotsState();
  const { name, takes_input: takes } = view;
  const [text, setText] = React.useState(() => {
    const known = model.inputs.has(name)
      ? model.inputs.get(name)
      : exampleOf(whole.input_schema?.example);
    return known === undefined ? '' : JSON.stringify(known);
  });
  const [asJob, setAsJob] = React.useState(false);
  const [result, setResult] = React.useState<IResult | null>(null);
  const box = React.useRef<HTMLTextAreaElement>(null);
  const id = React.useId();
  const hook = useHook();
  const [field, said] = [hook('chariots-input'), hook('chariots-call-error')];
  React.useEffect(() => {
    if (focus) {
      box.current?.focus();
    }
  }, [focus]);

  const input = React.useMemo(() => parse(text), [text]);
  const wrong = takes && text.trim() && input.error ? input.error : null;
  const busy = `run:${name}` in state.busy;
  const disabled =
    blockedFor(state, 'run', trans) ??
    (busy ? trans.__('Under way…') : null) ??
    (!asJob && !runnable(view) ? (view.reason ?? trans.__('Not loaded')) : null) ??
    (wrong ? trans.__('The input is not JSON') : null);

  const run = () => {
    if (disabled) {
      return;
    }
    const began = performance.now();
    const took = () => (performance.now() - began) / 1000;
    model
      .run(name, {
        input: takes && text.trim() ? input.value : undefined,
        asJob: asJob || undefined
      })
      .then(
        answer => setResult({ answer, took: took() }),
        reason => setResult({ failure: failureOf(reason), took: took() })
      );
  };
  const copy = (make: typeof curl) =>
    void navigator.clipboard?.writeText(make(name, takes && text.trim() ? input.value : undefined));

  return (
    <div className="jp-ChariotsView-main ch-call">
      {takes ? (
        <>
          <label className="ch-h" htmlFor={id}>
            {trans.__('Input of %1', name)} <span className="ch-mute">{trans.__('JSON')}</span>
          </label>
          <textarea
            ref={box}
            {...field}
            id={id}
            className={`ch-input ch-mono ${field.className}`}
            spellCheck={false}
            rows={inCell ? 2 : 6}
            value={text}
            aria-invalid={Boolean(wrong)}
            onChange={event => setText(event.target.value)}
            onKeyDown={event => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                event.stopPropagation();
                run();
              }
            }}
          />
          {wrong && (
            <p className="ch-small" role="status">
              <Icon name="error" tone="bad" /> {wrong}
            </p>
          )}
        </>
      ) : (
        <p className="ch-mute">{trans.__('%1 takes no input.', name)}</p>
      )}
      <div className="ch-bar">
        <Button
          className="is-filled"
          icon="run"
          text={busy ? trans.__('Running…') : trans.__('Run')}
          title={trans.__('Run %1 (Ctrl+Enter)', name)}
          disabled={disabled}
          onClick={run}
          testid="chariots-call-run"
        />
        <label>
          <input
            type="checkbox"
            checked={asJob}
            onChange={event => setAsJob(event.target.checked)}
          />{' '}
          {trans.__('as a job')}
        </label>
        <span className="ch-spacer" />
        <Button icon="copy" text={trans.__('Copy as curl')} onClick={() => copy(curl)} />
        <Button icon="copy" text={trans.__('Copy as Python')} onClick={() => copy(python)} />
      </div>
      {result?.failure && (
        <div {...said} className={`ch-msg ${said.className}`} role="alert">
          <p>
            <Icon name="error" tone="bad" />
            <b>{result.failure.message}</b>
          </p>
          {result.failure.hint && <pre>{result.failure.hint}</pre>}
          {result.failure.traceback && (
            <details>
              <summary>{trans.__('Traceback')}</summary>
              <pre>{result.failure.traceback}</pre>
            </details>
          )}
        </div>
      )}
      {result?.answer && <Answer {...result} answer={result.answer} host={host} />}
    </div>
  );
}

/** An example is one row of the input. */
function exampleOf(example: unknown): unknown {
  return Array.isArray(example) && !Array.isArray(example[0]) ? [example] : example;
}

function parse(text: string): { value?: unknown; error?: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function Answer(props: {
  answer: IAnswer;
  took: number;
  host: ReturnType<typeof useChariots>['host'];
}): JSX.Element {
  const { answer, took, host } = props;
  const { trans } = useChariots();
  const job = answer.job_id;
  const versions = Object.entries(answer.versions)
    .map(([node, version]) => `${node} ${format.digest(version)}`)
    .join(', ');
  return (
    <div role="status" {...useHook()('chariots-output')}>
      <h4 className="ch-h">
        {job ? trans.__('Submitted') : trans.__('Output')}{' '}
        <span className="ch-mute">
          {[format.latency(took), versions].filter(Boolean).join(' · ')}
        </span>
      </h4>
      {job ? (
        <p>
          {trans.__('Job %1 is %2.', job.slice(0, 8), answer.job_status)}{' '}
          <button type="button" className="ch-link" onClick={() => host.log({ job })}>
            {trans.__('Show log')}
          </button>
        </p>
      ) : (
        <div className="ch-tree">
          <Tree value={answer.pipeline_output} open />
        </div>
      )}
      {(answer.warnings ?? []).map(text => (
        <p key={text} className="ch-mute">
          {text}
        </p>
      ))}
    </div>
  );
}

const MOST = 100;

/** A JSON value that can be unfolded. */
function Tree(props: { value: unknown; name?: string; open?: boolean }): JSX.Element {
  const { value, name } = props;
  const [open, setOpen] = React.useState(Boolean(props.open));
  const { trans } = useChariots();
  const label = name === undefined ? '' : `${name}: `;
  if (value === null || typeof value !== 'object') {
    return (
      <div className="ch-mono">
        <span className="ch-mute">{label}</span>
        {JSON.stringify(value) ?? 'null'}
      </div>
    );
  }
  const entries = Object.entries(value);
  const plain = JSON.stringify(value);
  if (plain.length <= 80) {
    return (
      <div className="ch-mono">
        <span className="ch-mute">{label}</span>
        {plain}
      </div>
    );
  }
  const [left, right] = Array.isArray(value) ? '[]' : '{}';
  return (
    <details open={open} onToggle={event => setOpen(event.currentTarget.open)}>
      <summary className="ch-mono">
        <span className="ch-mute">{label}</span>
        {left}
        {entries.length}
        {right}
      </summary>
      {open &&
        entries
          .slice(0, MOST)
          .map(([key, item]) => <Tree key={key} name={key} value={item} />)}
      {open && entries.length > MOST && (
        <div className="ch-mute">{trans._n('and %1 more', 'and %1 more', entries.length - MOST)}</div>
      )}
    </details>
  );
}
