/**
 * Why versions do not fit together, and which pipelines to run so that they do.
 */
import * as React from 'react';
import { failureOf } from '../api';
import { retrain } from '../retrain';
import type { IPipeline, IRefusal } from '../types';
import { Button } from './button';
import { useChariots, useChariotsState } from './context';
import { Icon } from './icons';
import { blockedFor } from './pipelines';

export function BrokenLinks(props: {
  view: IPipeline;
  refusal: IRefusal;
  chosen: boolean;
}): JSX.Element {
  const { view, refusal, chosen } = props;
  const { trans, model, host } = useChariots();
  const state = useChariotsState();
  const [load, setLoad] = React.useState(true);
  const [busy, setBusy] = React.useState(false);
  const [failed, setFailed] = React.useState<string | null>(null);
  const { broken = [], missing = [], remedy = [] } = refusal;
  const blocked = blockedFor(state, 'run', trans);
  const wait = busy ? trans.__('Under way…') : null;
  const served = new Map(state.pipelines.map(one => [one.name, one]));

  const run = (names: readonly string[], thenLoad: boolean) => {
    const asks = names.find(
      name => served.get(name)?.takes_input && !model.inputs.has(name)
    );
    if (asks) {
      host.open(asks, 'call');
      return;
    }
    setBusy(true);
    setFailed(null);
    retrain(model, names, thenLoad ? view.name : null)
      .catch(reason => setFailed(failureOf(reason).message))
      .finally(() => setBusy(false));
  };

  return (
    <div
      className="ch-msg"
      role="group"
      aria-label={trans.__('Why these versions cannot be loaded')}
      data-testid="chariots-why"
    >
      <p>
        <Icon name="error" tone="bad" />
        <b>
          {chosen
            ? trans.__('The chosen versions do not fit together.')
            : broken.length
              ? trans.__('The newest versions do not fit together.')
              : trans.__('There is nothing that could be loaded.')}
        </b>
      </p>
      <ul>
        {broken.map(link => (
          <li key={`${link.upstream} ${link.op}`}>
            <span>
              {trans.__(
                '%1 → %2: %3 was trained on %4; here it would get %5.',
                link.upstream,
                link.op,
                `${link.op} ${link.version}`,
                `${link.upstream} ${link.trained_on ?? '–'}`,
                `${link.upstream} ${link.chosen ?? '–'}`
              )}
            </span>
          </li>
        ))}
        {missing.map(op => (
          <li key={op}>
            <span>{trans.__('%1 has no saved version.', op)}</span>
          </li>
        ))}
        {!broken.length && !missing.length && (
          <li>
            <span>{refusal.message}</span>
          </li>
        )}
      </ul>
      {remedy.length > 0 ? (
        <>
          <p className="is-in">
            {view.is_loaded
              ? trans.__(
                  '%1 goes on serving the versions it has loaded. To use the newest, retrain in this order:',
                  view.name
                )
              : trans.__('Retrain in this order:')}
          </p>
          <div className="ch-steps">
            {remedy.map((name, index) => (
              <React.Fragment key={name}>
                <span className="ch-no">{index + 1}</span>
                <span className="ch-t">
                  <button type="button" className="ch-link" onClick={() => host.open(name)}>
                    {name}
                  </button>
                  <span className="ch-mute">{fits(served.get(name), ops => trans.__('fits %1', ops))}</span>
                </span>
                <Button
                  className="is-outline"
                  icon={index ? 'pause' : 'run'}
                  text={index ? trans.__('After %1', index) : trans.__('Run')}
                  title={index ? trans.__('Runs after step %1', index) : trans.__('Run %1', name)}
                  disabled={
                    blocked ?? wait ?? (index ? trans.__('Runs after step %1', index) : null)
                  }
                  onClick={() => run([name], false)}
                  testid={`chariots-retrain-${name}`}
                />
              </React.Fragment>
            ))}
          </div>
          <div className="ch-acts is-in">
            <Button
              className="is-filled"
              icon="run"
              text={
                remedy.length === 1
                  ? trans.__('Run as a job')
                  : remedy.length === 2
                    ? trans.__('Run both as jobs')
                    : trans.__('Run all as jobs')
              }
              disabled={blocked ?? wait}
              onClick={() => run(remedy, load)}
              testid="chariots-retrain-all"
            />
            <label>
              <input
                type="checkbox"
                checked={load}
                onChange={event => setLoad(event.target.checked)}
              />
              {trans.__('Load when done')}
            </label>
          </div>
        </>
      ) : (
        refusal.hint && <pre className="is-in">{refusal.hint}</pre>
      )}
      {failed && (
        <p role="alert">
          <Icon name="error" tone="bad" />
          <span>{failed}</span>
        </p>
      )}
    </div>
  );
}

function fits(view: IPipeline | undefined, say: (ops: string) => string): string {
  const ops = view?.changes ? (view.ops ?? []) : [];
  return ops.length ? ` ${say(ops.join(', '))}` : '';
}
