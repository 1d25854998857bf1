import { act, fireEvent, screen } from '@testing-library/react';
import * as React from 'react';
import { describe, expect, it, vi } from 'vitest';
import { CellPanel } from '../src/components/cellpanel';
import { useChariots } from '../src/components/context';
import { keep, readKept } from '../src/kept';
import { EMPTY, withSnapshot } from '../src/state';
import type { ISnapshot } from '../src/types';
import { job, pipeline, snapshot } from './fakes';
import { show } from './page';

const AT = '2026-11-22T12:04:00+00:00';
const kept = (more: object = {}) =>
  readKept({ protocol: 1, pipeline: null, at: AT, pipelines: [], jobs: [], ...more });
const hook = (name: string) => document.querySelector<HTMLElement>(`.chariots-widget-${name}`)!;

function Cell(props: Partial<Omit<React.ComponentProps<typeof CellPanel>, 'chariots'>>): JSX.Element {
  const chariots = useChariots();
  return (
    <CellPanel
      chariots={chariots}
      kept={props.kept ?? kept()}
      notebook={props.notebook ?? null}
      kernel={props.kernel ?? true}
    />
  );
}

const two: Partial<ISnapshot> = {
  pipelines: [pipeline('mine', { owner: 'a/b.ipynb' }), pipeline('theirs', { owner: 'some.module' })]
};

describe('the panel in a cell', () => {
  it('shows what its notebook has served, and all if asked', async () => {
    await show(<Cell notebook="a/b.ipynb" />, two);
    expect(hook('pipeline-mine')).toBeTruthy();
    expect(hook('pipeline-theirs')).toBeNull();
    fireEvent.click(screen.getByText('Show all 2'));
    expect(hook('pipeline-theirs')).toBeTruthy();
    fireEvent.click(screen.getByText('Show only 1'));
    expect(hook('pipeline-theirs')).toBeNull();
  });

  it('shows all where none is of its notebook, and one if it is of one', async () => {
    const all = await show(<Cell notebook="other.ipynb" />, two);
    expect(hook('pipeline-mine')).toBeTruthy();
    expect(hook('pipeline-theirs')).toBeTruthy();
    all.unmount();
    const jobs = [job('j1', { pipeline: 'mine' }), job('j2', { pipeline: 'theirs' })];
    await show(<Cell kept={kept({ pipeline: 'theirs' })} />, { ...two, jobs });
    expect(hook('pipeline-mine')).toBeNull();
    expect(hook('pipeline-theirs')).toBeTruthy();
    expect(hook('job-j1')).toBeNull();
    expect(hook('job-j2')).toBeTruthy();
  });

  it('has buttons that act, by HTTP', async () => {
    const view = pipeline('p', { unsaved: 'run-1', takes_input: false });
    const { host } = await show(<Cell />, { pipelines: [view] });
    fireEvent.click(hook('save-p'));
    expect(host.save).toHaveBeenCalledWith('p');
    fireEvent.click(hook('run-p'));
    expect(host.run).toHaveBeenCalledWith('p');
    expect(screen.queryByTestId('chariots-run-p')).toBeNull(); // those of the side panel
  });

  it('takes the keys that JupyterLab binds to commands elsewhere', async () => {
    const view = pipeline('p', { unsaved: 'run-1', takes_input: false });
    const { host } = await show(<Cell />, { pipelines: [view], jobs: [job('j')] });
    fireEvent.focus(hook('pipeline-p'));
    fireEvent.keyDown(hook('pipeline-p'), { key: 'Enter', ctrlKey: true });
    expect(host.run).toHaveBeenCalledWith('p');
    fireEvent.keyDown(hook('pipeline-p'), { key: 's', ctrlKey: true });
    expect(host.save).toHaveBeenCalledWith('p');
    fireEvent.keyDown(hook('pipeline-p'), { key: 'Delete' });
    expect(host.unserve).toHaveBeenCalledWith('p');
    const row = document.querySelector('[data-job]')!;
    fireEvent.focus(row);
    fireEvent.keyDown(row, { key: 'Delete' });
    expect(host.cancel).toHaveBeenCalledWith('j');
  });

  it('asks for an input where it is', async () => {
    const view = pipeline('p', { takes_input: true });
    const { host, server } = await show(<Cell />, { pipelines: [view] });
    fireEvent.click(hook('run-p'));
    expect(host.run).not.toHaveBeenCalled();
    const asking = server.open.find(ask => ask.path === 'pipelines/p')!;
    await act(() => asking.answer({ ...view, input_schema: { example: [1, 2] } }));
    expect((hook('input') as HTMLTextAreaElement).value).toBe('[[1,2]]');
    expect(document.activeElement).toBe(hook('input'));
  });

  it('is a document without a kernel: the last state, and no button acts', async () => {
    const last = kept({ pipelines: [pipeline('p', { unsaved: 'x' })] });
    const { host } = await show(<Cell kept={last} kernel={false} />, two);
    expect(hook('pipeline-mine')).toBeNull();
    expect(hook('save-p').getAttribute('aria-disabled')).toBe('true');
    fireEvent.click(hook('save-p'));
    expect(host.save).not.toHaveBeenCalled();
    expect(document.body.textContent).toContain('as of');
  });

  it('shows names as text, whatever a notebook holds', async () => {
    const evil = '<script>window.hit = 1</script><img src=x onerror="window.hit = 1">';
    const last = kept({ pipelines: [pipeline(evil)], jobs: [job('j', { pipeline: evil })] });
    await show(<Cell kept={last} kernel={false} />);
    expect(document.querySelector('.ch-name script, .ch-name img')).toBeNull();
    expect(document.body.textContent).toContain(evil);
  });
});

describe('what a notebook keeps', () => {
  const whole = withSnapshot(
    EMPTY,
    snapshot({
      pipelines: [
        pipeline('p', { last_error: { code: 'x', message: 'the data' } }),
        pipeline('q')
      ],
      jobs: [job('j', { pipeline: 'p', error: { code: 'x', message: 'the data' } })]
    }),
    Date.parse(AT)
  );

  it('is names, versions and states, of when it was', () => {
    const now = keep(whole, null, {});
    expect(JSON.stringify(now)).not.toContain('the data');
    const back = readKept(now);
    expect(back.at).toBe(Date.parse(AT));
    expect(back.state.connection).toBe('kept');
    expect(back.state.pipelines.map(view => view.name)).toEqual(['p', 'q']);
    expect(readKept(keep(whole, 'q', {})).state.jobs).toEqual([]);
  });

  it('stays as it is while nothing but the time changes', () => {
    const before = keep(whole, null, {});
    const later = { ...whole, asOf: whole.asOf! + 60_000 };
    expect(keep(later, null, before)).toEqual(before);
  });

  it('is nothing if it cannot be read', () => {
    const warn = vi.spyOn(console, 'error');
    for (const data of [null, 7, {}, { protocol: 9, at: AT }, { protocol: 1, at: 'x' }]) {
      expect(readKept(data).at).toBeNull();
    }
    const odd = { protocol: 1, at: AT, pipelines: [null, 3, { name: {} }], jobs: 'x' };
    expect(readKept(odd).state.pipelines).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });
});
