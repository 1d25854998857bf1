import { act, fireEvent, screen } from '@testing-library/react';
import * as React from 'react';
import { describe, expect, it } from 'vitest';
import { Banner } from '../src/components/banner';
import { Differences, diffLines } from '../src/components/differences';
import { GraphView } from '../src/components/graph';
import { Jobs } from '../src/components/jobs';
import { BrokenLinks } from '../src/components/links';
import { Pipelines } from '../src/components/pipelines';
import { changes } from '../src/components/live';
import { layOut } from '../src/layout';
import type { JobFilter } from '../src/derive';
import { EMPTY } from '../src/state';
import { job, pipeline } from './fakes';
import { show, trans } from './page';

function Panel(props: { query?: string; filter?: JobFilter }): JSX.Element {
  const [folds, setFolds] = React.useState<Record<string, boolean>>({});
  const [filter, setFilter] = React.useState<JobFilter>(props.filter ?? 'all');
  return (
    <>
      <Pipelines
        query={props.query}
        folds={folds}
        onFold={(name, open) => setFolds({ ...folds, [name]: open })}
      />
      <Jobs query={props.query} filter={filter} onFilter={setFilter} />
    </>
  );
}

const rows = () => screen.getAllByRole('row').map(row => row.dataset.row);
const id = (name: string) => screen.getByTestId(name);
const pipelines = (many: number) =>
  Array.from({ length: many }, (_, i) => pipeline(`p${String(i).padStart(3, '0')}`));

describe('pipelines', () => {
  it('show state, versions and what they are made of', async () => {
    await show(<Panel />, {
      pipelines: [pipeline('iris', { newer: { numbers: { model: '2.0.0' }, fits: false, reason: 'trained on b', pinned: false } })]
    });
    const row = id('chariots-pipeline-iris');
    expect(row.dataset.state).toBe('newer');
    expect(row.getAttribute('aria-label')).toMatch(/^iris, newer in store, model 1\.0\.2, 1 replica/);
    expect(id('chariots-versions-iris').textContent).toBe('1.0.2');
    expect(id('chariots-versions-iris').title).toBe('model 1.0.2 aaabbcc');
    expect(screen.getByText('model 2.0.0 in store does not fit')).toBeTruthy();
  });

  it('keep every word of the user as text', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const { container } = await show(<Panel />, {
      pipelines: [pipeline(name, { state: 'failed', reason: '<script>1</script>' })]
    });
    expect(container.querySelector('img, script')).toBeNull();
    expect(screen.getByText(name)).toBeTruthy();
    expect(screen.getByText('<script>1</script>')).toBeTruthy();
  });

  it('act by their buttons, and only where that makes sense', async () => {
    const { host, say } = await show(<Panel />, { pipelines: [pipeline('iris')] });
    fireEvent.click(id('chariots-run-iris'));
    fireEvent.click(id('chariots-load-iris'));
    expect(host.run).toHaveBeenCalledWith('iris');
    expect(host.load).toHaveBeenCalledWith('iris');
    const save = id('chariots-save-iris');
    expect(save.getAttribute('aria-disabled')).toBe('true');
    expect(save.title).toBe('Nothing to save');
    fireEvent.click(save);
    expect(host.save).not.toHaveBeenCalled();
    await say({ seq: 2, pipelines: [pipeline('iris', { unsaved: 'run' })] });
    fireEvent.click(id('chariots-save-iris'));
    expect(host.save).toHaveBeenCalledWith('iris');
  });

  it('may run to be fitted though they are not loaded', async () => {
    const view = { is_loaded: false, reason: 'never fitted' };
    await show(<Panel />, {
      pipelines: [pipeline('a', view), pipeline('b', { ...view, changes: true })]
    });
    expect(id('chariots-run-a').getAttribute('aria-disabled')).toBe('true');
    expect(id('chariots-run-a').title).toBe('never fitted');
    expect(id('chariots-run-b').getAttribute('aria-disabled')).toBeNull();
  });

  it('do nothing while the server is away, and say so', async () => {
    const { server, pass, host } = await show(
      <>
        <Banner release="0.1.0" />
        <Panel />
      </>,
      { pipelines: [pipeline('iris')] }
    );
    await act(async () => server.last.fail());
    await pass(900);
    expect(screen.queryByRole('alert')).toBeNull();
    await pass(1100);
    expect(screen.getByRole('alert').textContent).toContain('No connection to the server.');
    expect(screen.getByRole('alert').textContent).toMatch(/Next try in \d+ s/);
    expect(id('chariots-run-iris').title).toBe('No connection');
    fireEvent.click(id('chariots-run-iris'));
    expect(host.run).not.toHaveBeenCalled();
    expect(id('chariots-versions-iris').textContent).toBe('1.0.2');
  });

  it('of another protocol may be looked at only', async () => {
    const { host } = await show(
      <>
        <Banner release="0.1.0" />
        <Panel />
      </>,
      { protocol: 9, server: { release: '5.0.0', pid: 1, since: '' }, pipelines: [pipeline('iris')] }
    );
    expect(screen.getByRole('alert').textContent).toContain('The server runs 5.0.0, this page 0.1.0.');
    fireEvent.click(id('chariots-load-iris'));
    expect(host.load).not.toHaveBeenCalled();
  });

  it('are walked with keys: folds, buttons, letters, menu', async () => {
    const { host } = await show(<Panel />, {
      pipelines: [pipeline('alpha'), pipeline('beta')]
    });
    const alpha = id('chariots-pipeline-alpha');
    expect(alpha.tabIndex).toBe(0);
    act(() => alpha.focus());
    const press = (key: string, more = {}) =>
      fireEvent.keyDown(document.activeElement!, { key, ...more });
    expect(alpha.getAttribute('aria-expanded')).toBe('true');
    press('ArrowLeft');
    expect(alpha.getAttribute('aria-expanded')).toBe('false');
    press('ArrowRight');
    expect(alpha.getAttribute('aria-expanded')).toBe('true');
    press('ArrowDown');
    expect((document.activeElement as HTMLElement).dataset.row).toBe('d alpha op model');
    press('ArrowLeft');
    expect(document.activeElement).toBe(alpha);
    press('ArrowRight');
    expect(document.activeElement).toBe(id('chariots-run-alpha'));
    press('ArrowRight');
    expect(document.activeElement).toBe(id('chariots-save-alpha'));
    press('Escape');
    expect(document.activeElement).toBe(alpha);
    press('b');
    expect(document.activeElement).toBe(id('chariots-pipeline-beta'));
    press('Enter');
    expect(host.open).toHaveBeenCalledWith('beta');
    press('F10', { shiftKey: true });
    expect(host.menu).toHaveBeenCalledWith({ pipeline: 'beta' }, expect.anything(), expect.anything());
    press('Home');
    expect(document.activeElement).toBe(alpha);
    const stops = screen.getByRole('treegrid').querySelectorAll('[tabindex="0"]');
    expect(stops).toHaveLength(1);
  });

  it('hand the focus on when a row goes', async () => {
    const { say } = await show(<Panel />, {
      pipelines: [pipeline('alpha'), pipeline('beta'), pipeline('gamma')]
    });
    for (const name of ['alpha', 'beta', 'gamma']) {
      fireEvent.click(id(`chariots-pipeline-${name}`)); // fold
    }
    act(() => id('chariots-pipeline-beta').focus());
    await say({ seq: 2, pipelines: [pipeline('alpha'), pipeline('gamma')] });
    expect(document.activeElement).toBe(id('chariots-pipeline-gamma'));
  });

  it('are found by name, op and state', async () => {
    await show(<Panel query="not saved" />, {
      pipelines: [pipeline('a'), pipeline('b', { unsaved: 'run' })]
    });
    expect(screen.queryByTestId('chariots-pipeline-a')).toBeNull();
    expect(id('chariots-pipeline-b')).toBeTruthy();
  });

  it('that are many are in the page only as far as they are seen', async () => {
    await show(<Panel />, { pipelines: pipelines(100) });
    const shown = screen.getAllByRole('row').length;
    expect(shown).toBeGreaterThan(20);
    expect(shown).toBeLessThan(60);
    const list = screen.getByRole('treegrid');
    expect(list.getAttribute('aria-rowcount')).toBe('100');
    act(() => id('chariots-pipeline-p000').focus());
    fireEvent.keyDown(document.activeElement!, { key: 'End' });
    expect((document.activeElement as HTMLElement).dataset.pipeline).toBe('p099');
  });
});

describe('jobs', () => {
  const ended = '2026-01-01T00:01:00';

  it('are in order: running, waiting, ended', async () => {
    await show(<Panel />, {
      jobs: [
        job('dddd', { seq: 6, status: 'done', started: ended, ended }),
        job('aaaa', { seq: 5, status: 'queued' }),
        job('bbbb', { seq: 4, status: 'running', started: ended }),
        job('cccc', { seq: 3, status: 'queued' }),
        job('eeee', { seq: 7, status: 'failed', ended: '2026-01-02T00:00:00' }),
        job('ffff', { seq: 8, status: 'deferred', after: ['aaaa'] })
      ]
    });
    expect(rows()).toEqual(['j bbbb', 'j cccc', 'j aaaa', 'j ffff', 'j eeee', 'j dddd']);
    expect(screen.getByText('queued · 1st')).toBeTruthy();
    expect(screen.getByText('queued · 2nd')).toBeTruthy();
    expect(screen.getByText('waits for aaaa')).toBeTruthy();
  });

  it('say how far they have come', async () => {
    const progress = { done: 2, total: 4, node: 'fit', fraction: 0.62 };
    await show(<Panel />, {
      jobs: [job('bbbb', { status: 'running', started: new Date().toISOString(), progress })]
    });
    expect(screen.getByText('62%')).toBeTruthy();
    const bar = screen.getByRole('progressbar');
    expect(bar.getAttribute('aria-valuenow')).toBe('62');
    expect(bar.getAttribute('aria-valuetext')).toContain('fit · node 3 of 4');
  });

  it('are cancelled, shown and run again by their buttons', async () => {
    const { host } = await show(<Panel />, {
      jobs: [job('aaaa'), job('bbbb', { status: 'done', ended })]
    });
    fireEvent.click(id('chariots-cancel-aaaa'));
    fireEvent.click(id('chariots-log-aaaa'));
    fireEvent.click(id('chariots-again-bbbb'));
    expect(host.cancel).toHaveBeenCalledWith('aaaa');
    expect(host.log).toHaveBeenCalledWith({ job: 'aaaa' });
    expect(host.again).toHaveBeenCalledWith('bbbb');
    expect(screen.queryByTestId('chariots-cancel-bbbb')).toBeNull();
  });

  it('are counted as the server counts, and filtered', async () => {
    await show(<Panel />, {
      jobs: [job('aaaa'), job('bbbb', { status: 'failed', ended })],
      job_counts: { queued: 1, failed: 7, done: 300, cancelled: 4 }
    });
    expect(id('chariots-filter-all').textContent).toBe('All 312');
    expect(id('chariots-filter-failed').textContent).toBe('Failed 7');
    expect(id('chariots-filter-done').textContent).toBe('Done 304');
    fireEvent.click(id('chariots-filter-failed'));
    expect(rows()).toEqual(['j bbbb']);
    fireEvent.keyDown(id('chariots-filter-failed'), { key: 'ArrowLeft' });
    expect(rows()).toEqual(['j aaaa']);
  });

  it('that are a thousand are in the page only as far as they are seen', async () => {
    const jobs = Array.from({ length: 1000 }, (_, i) =>
      job(`job${String(i).padStart(4, '0')}`, { seq: i, status: 'done', started: ended, ended })
    );
    await show(<Panel />, { jobs });
    expect(screen.getAllByRole('row').length).toBeLessThan(60);
  });
});

describe('the graph', () => {
  const graph = {
    nodes: [
      { name: 'scale', ops: [0], inputs: ['__pipeline_input__'], outputs: ['X'], mode: 'predict', pipeline: null },
      { name: 'tidy', ops: [1], inputs: ['X'], outputs: ['Y'], mode: null, pipeline: null },
      { name: 'model', ops: [2], inputs: ['Y'], outputs: ['__pipeline_output__'], mode: 'predict', pipeline: null }
    ],
    ops: ['scale', 'tidy', 'model'].map(name => ({ name, version: 'a.b.c', stateful: name !== 'tidy', upstream: [] }))
  };
  const broken = [{ op: 'model', version: '2.0.3', upstream: 'scale', trained_on: '1.0.0', chosen: '2.0.0' }];

  it('is laid out in layers from left to right', () => {
    const { nodes, edges } = layOut(graph);
    expect(nodes.map(node => node.layer)).toEqual([0, 1, 2]);
    expect(edges).toHaveLength(4);
    expect(nodes[0].x).toBeLessThan(nodes[1].x);
  });

  it('marks a broken link, through stateless nodes too, and is walked with keys', async () => {
    let selected: string | null = null;
    await show(
      <GraphView
        name="p"
        view={pipeline('p')}
        layout={layOut(graph)}
        versions={{}}
        broken={broken}
        selected={null}
        onSelect={name => (selected = name)}
      />
    );
    expect(screen.getAllByTestId('chariots-broken-link')).toHaveLength(1);
    expect(screen.getByRole('group').getAttribute('aria-label')).toBe('Graph of p, 3 nodes, 1 broken links');
    const [first, second] = screen.getAllByRole('button');
    act(() => first.focus());
    fireEvent.keyDown(first, { key: 'ArrowRight' });
    expect(document.activeElement).toBe(second);
    fireEvent.keyDown(second, { key: 'Enter' });
    expect(selected).toBe('tidy');
  });

  it('says why, and retrains from there: each after the one before, then a load', async () => {
    const refusal = { code: 'version_error', message: 'no', broken, remedy: ['one', 'two'] };
    const { server, say } = await show(
      <BrokenLinks view={pipeline('p')} refusal={refusal} chosen={false} />,
      { pipelines: [pipeline('p'), pipeline('one'), pipeline('two')] }
    );
    expect(id('chariots-why').textContent).toContain(
      'scale → model: model 2.0.3 was trained on scale 1.0.0; here it would get scale 2.0.0.'
    );
    fireEvent.click(id('chariots-retrain-all'));
    const posted = () => server.open.find(ask => ask.method === 'POST')!;
    const submitted = (job_id: string) => ({ pipeline_output: null, versions: {}, job_id, job_status: 'queued' });
    await act(async () => posted().answer(submitted('j1')));
    expect(server.asked.find(ask => ask.method === 'POST')!.body).toEqual({ use_worker: true });
    await say({ seq: 2, pipelines: [], jobs: [job('j1')] });
    expect(posted().path).toBe('pipelines/two/main');
    expect(posted().body).toEqual({ use_worker: true, after: ['j1'] });
    await act(async () => posted().answer(submitted('j2')));
    await say({ seq: 3, jobs: [job('j1'), job('j2', { status: 'deferred' })] });
    expect(posted()).toBeUndefined();
    await say({ seq: 4, jobs: [job('j1', { status: 'done' }), job('j2', { status: 'done' })] });
    expect(posted().path).toBe('pipelines/p/load');
  });
});

describe('differences', () => {
  it('number the lines of both sides', () => {
    const lines = diffLines('--- a\n+++ b\n@@ -11,2 +11,2 @@ class X\n same\n-old\n+new\n');
    expect(lines.map(line => [line.kind, line.a, line.b, line.text])).toEqual([
      ['hunk', undefined, undefined, 'a'],
      ['hunk', undefined, undefined, 'class X'],
      ['', 11, 11, 'same'],
      ['del', 12, undefined, 'old'],
      ['add', undefined, 12, 'new']
    ]);
  });

  it('show only what differs', async () => {
    const info = (version: string, number: string) =>
      ({ version, number, op: 'm', at: '2026-01-01T00:00:00', facts: { packages: { a: '1', b: '2' }, python: '3.11' }, trained_on: [] }) as never;
    const { server } = await show(
      <Differences op="m" a={info('a.b.c', '1.0.0')} b={info('a.b.d', '1.0.1')} onSwap={() => undefined} />
    );
    await act(async () =>
      server.open
        .find(ask => ask.path.startsWith('ops/'))!
        .answer({ facts: { 'metrics.accuracy': [0.96, 0.973], 'packages.a': ['1', '2'] } })
    );
    const text = id('chariots-diff').textContent!;
    expect(text).toContain('▲ +0.013');
    expect(text).toContain('Same and not shown: 1 package, Python 3.11');
  });
});

describe('the live region', () => {
  it('tells what changed, and nothing of progress', () => {
    const before = { ...EMPTY, jobs: [job('a', { status: 'running' })], pipelines: [pipeline('iris', { unsaved: 'r' })] };
    const after = {
      ...before,
      jobs: [job('a', { status: 'failed', error: { code: 'x', message: 'worker lost' } })],
      pipelines: [pipeline('iris')]
    };
    expect(changes(before, after, trans)).toEqual([
      'iris saved as 1.0.2',
      'train failed: worker lost'
    ]);
    const moved = { ...before, jobs: [job('a', { status: 'running', progress: { fraction: 0.5 } })] };
    expect(changes(before, moved, trans)).toEqual([]);
  });
});
