import { beforeEach, describe, expect, it } from 'vitest';
import { ChariotsModel } from '../src/model';
import { Clock, Server, job, pipeline, settle, snapshot } from './fakes';

const EVENT = 'https://jupyter-chariots.readthedocs.io/events/saved/v1';

let clock: Clock;
let server: Server;
let model: ChariotsModel;

beforeEach(() => {
  clock = new Clock();
  server = new Server();
  model = new ChariotsModel(server.api, clock);
});

/** A model that has its first snapshot and waits for news. */
async function live(more = {}): Promise<void> {
  model.watch();
  await settle();
  await server.last.answer(snapshot(more));
  await clock.pass(200);
}

describe('the feed', () => {
  it('asks for all first, then waits for what comes after', async () => {
    await live({ seq: 4, state_seq: 2, pipelines: [pipeline('iris')] });
    expect(server.asked[0].query.get('wait')).toBeNull();
    expect(model.state.connection).toBe('live');
    expect(model.state.pipelines.map(view => view.name)).toEqual(['iris']);
    expect(server.open).toHaveLength(1);
    expect(server.last.query.get('since')).toBe('4');
    expect(server.last.query.get('state_since')).toBe('2');
    expect(Number(server.last.query.get('wait'))).toBeGreaterThanOrEqual(30);
  });

  it('asks nothing while nobody looks, and all anew when somebody does', async () => {
    await settle();
    expect(server.asked).toHaveLength(0);
    const end = model.watch();
    await settle();
    await server.last.answer(snapshot());
    await clock.pass(200);
    const waiting = server.last;
    end();
    await settle();
    expect(waiting.aborted()).toBe(true);
    await clock.pass(120_000);
    expect(server.open).toHaveLength(0);
    model.watch();
    await settle();
    expect(server.last.query.get('since')).toBeNull();
  });

  it('asks nothing while the page is hidden', async () => {
    await live();
    model.visible = false;
    await clock.pass(120_000);
    expect(server.open).toHaveLength(0);
    model.visible = true;
    await settle();
    expect(server.open).toHaveLength(1);
  });

  it('sends at most two requests a minute when idle', async () => {
    await live();
    const before = server.asked.length;
    for (let minute = 0; minute < 10; minute++) {
      await clock.pass(50_000);
      await server.last.answer(snapshot());
      await clock.pass(10_000);
    }
    expect(server.asked.length - before).toBeLessThanOrEqual(20);
  });

  it('does not flood a server that has news all the time', async () => {
    await live();
    const before = server.asked.length;
    for (let i = 2; i < 200; i++) {
      if (server.open.length) {
        await server.last.answer(snapshot({ seq: i }));
      }
      await clock.pass(10);
    }
    expect(server.asked.length - before).toBeLessThan(20);
  });

  it('renders once a frame, however many changes there were', async () => {
    await live();
    clock.draw();
    let told = 0;
    model.subscribe(() => told++);
    model.hear({ schema_id: EVENT, job: 'x', progress: { fraction: 0.1 } });
    await server.last.answer(snapshot({ seq: 2, jobs: [job('a')] }));
    await clock.pass(200);
    await server.last.answer(snapshot({ seq: 3, jobs: [job('b')] }));
    expect(told).toBe(0);
    clock.draw();
    expect(told).toBe(1);
  });

  it('keeps what has not changed as the same object', async () => {
    await live({ pipelines: [pipeline('a'), pipeline('b')] });
    const [a, b] = model.state.pipelines;
    const changed = pipeline('b', { unsaved: 'run' });
    await server.last.answer(snapshot({ seq: 2, pipelines: [pipeline('a'), changed] }));
    expect(model.state.pipelines[0]).toBe(a);
    expect(model.state.pipelines[1]).not.toBe(b);
  });
});

describe('events', () => {
  it('asks at once when there is a gap between events', async () => {
    await live({ seq: 5 });
    const waiting = server.last;
    model.hear({ schema_id: EVENT, seq: 6 });
    await settle();
    expect(server.last).toBe(waiting);
    model.hear({ schema_id: EVENT, seq: 9 });
    await settle();
    expect(waiting.aborted()).toBe(true);
    expect(server.last.query.get('since')).toBeNull();
    await server.last.answer(snapshot({ seq: 9 }));
    expect(model.state.seq).toBe(9);
  });

  it('asks when the long poll does not bring what an event announced', async () => {
    await live({ seq: 5 });
    const waiting = server.last;
    model.hear({ schema_id: EVENT, seq: 6 });
    await clock.pass(150);
    expect(waiting.aborted()).toBe(true);
    expect(server.last.query.get('since')).toBeNull();
  });

  it('does not ask again when it does', async () => {
    await live({ seq: 5 });
    model.hear({ schema_id: EVENT, seq: 6 });
    await server.last.answer(snapshot({ seq: 6 }));
    await clock.pass(1000);
    expect(server.asked).toHaveLength(3);
    expect(server.last.query.get('since')).toBe('6');
  });

  it('ignores events of others', async () => {
    await live({ seq: 5 });
    const waiting = server.last;
    model.hear({ schema_id: 'https://elsewhere/x', seq: 99 });
    await clock.pass(1000);
    expect(server.last).toBe(waiting);
  });

  it('shows progress as it is told', async () => {
    await live({ jobs: [job('one', { status: 'running' })] });
    model.hear({ schema_id: EVENT, job: 'one', progress: { fraction: 0.5 } });
    expect(model.state.jobs[0].progress?.fraction).toBe(0.5);
  });

  it('shows progress four times a second at most, and the latest in any case', async () => {
    await live({ jobs: [job('one', { status: 'running' })] });
    const fraction = () => model.state.jobs[0].progress?.fraction;
    for (let i = 1; i <= 9; i++) {
      model.hear({ schema_id: EVENT, job: 'one', progress: { fraction: i / 10 } });
    }
    expect(fraction()).toBe(0.1);
    await clock.pass(250);
    expect(fraction()).toBe(0.9);
    await clock.pass(250);
    model.hear({ schema_id: EVENT, job: 'one', progress: { fraction: 1 } });
    expect(fraction()).toBe(1);
  });

  it('takes another server for what it is, though its numbers are smaller', async () => {
    await live({ seq: 50, state_seq: 9, pipelines: [pipeline('old')] });
    await server.last.answer(
      snapshot({ seq: 3, state_seq: 1, server: { release: '0.1.0', pid: 8, since: 'now' } })
    );
    expect(model.state.seq).toBe(3);
    expect(model.state.pipelines).toHaveLength(0);
  });

  it('drops an answer that was overtaken by a newer one', async () => {
    await live({ seq: 5, pipelines: [pipeline('new')] });
    await server.last.answer(snapshot({ seq: 4 }));
    expect(model.state.pipelines).toHaveLength(1);
  });
});

describe('a server that is away', () => {
  it('is tried again after 1, 2, 4 … 30 s, and the page says so after 2 s', async () => {
    await live({ pipelines: [pipeline('iris')] });
    await server.last.fail();
    const times: number[] = [];
    const began = clock.time;
    let asked = server.asked.length;
    expect(model.state.connection).toBe('live');
    for (let second = 0; second < 130; second++) {
      await clock.pass(1000);
      if (server.asked.length > asked) {
        asked = server.asked.length;
        times.push((clock.time - began) / 1000);
        await server.last.fail();
      }
      if (second === 2) {
        expect(model.state.connection).toBe('away');
        expect(model.state.nextTry).toBeGreaterThan(clock.time);
      }
    }
    expect(times).toEqual([1, 3, 7, 15, 31, 61, 91, 121]);
    expect(model.state.pipelines).toHaveLength(1);
  });

  it('is not mentioned when it comes back at once', async () => {
    await live();
    await server.last.fail();
    await clock.pass(1000);
    await server.last.answer(snapshot());
    await clock.pass(5000);
    expect(model.state.connection).toBe('live');
  });

  it('is asked for all when it comes back, or when somebody asks', async () => {
    await live({ seq: 8 });
    await server.last.fail();
    await clock.pass(10_000);
    while (server.open.length) {
      await server.last.fail();
    }
    const asked = server.asked.length;
    const done = model.refresh();
    await settle();
    expect(server.asked.length).toBe(asked + 1);
    expect(server.last.query.get('since')).toBeNull();
    await server.last.answer(snapshot({ seq: 9 }));
    await done;
    expect(model.state.connection).toBe('live');
    expect(model.state.nextTry).toBeNull();
  });

  it('that answers nothing is away too', async () => {
    await live();
    await clock.pass(70_000);
    expect(model.state.connection).toBe('away');
  });

  it('without the extension is told from one that is away', async () => {
    model.watch();
    await settle();
    await server.last.answer({ message: 'Not Found' }, 404);
    expect(model.state.connection).toBe('absent');
    expect(server.open).toHaveLength(0);
  });

  it('behind a proxy that answers with a page is away', async () => {
    await live();
    await server.last.answer('<html>', 502);
    await clock.pass(2500);
    expect(model.state.connection).toBe('away');
  });
});

describe('another protocol', () => {
  it('may be looked at, without breaking on what it sends', async () => {
    await live({
      protocol: 2,
      server: { release: '9.0', pid: 1, since: '' },
      pipelines: [{ name: 'iris' }, { neither: 'this' }, null],
      jobs: undefined
    });
    expect(model.state.understood).toBe(false);
    expect(model.state.pipelines.map(view => view.name)).toEqual(['iris']);
  });
});

describe('actions', () => {
  it('are under way until answered, and then the state is fresh', async () => {
    await live({ pipelines: [pipeline('iris', { unsaved: 'run' })] });
    const saved = model.save('iris');
    await settle();
    expect(model.state.busy).toEqual({ 'save:iris': true });
    const asking = server.open.find(ask => ask.method === 'POST')!;
    expect(asking.path).toBe('pipelines/iris/save');
    await asking.answer({ warnings: ['w'] });
    await server.last.answer(snapshot({ seq: 2, pipelines: [pipeline('iris')] }));
    expect(await saved).toEqual(['w']);
    expect(model.state.busy).toEqual({});
    expect(model.state.pipelines[0].unsaved).toBeNull();
  });

  it('that are refused leave their reason until the served set changes', async () => {
    await live({ pipelines: [pipeline('iris')] });
    const loaded = model.load('iris').catch(error => error);
    await settle();
    const refusal = { code: 'version_error', message: 'does not fit' };
    await server.open.find(ask => ask.method === 'POST')!.answer(refusal, 419);
    expect((await loaded).failure.message).toBe('does not fit');
    expect(model.state.notes.iris.failure.code).toBe('version_error');
    await server.last.answer(snapshot({ seq: 2, pipelines: [pipeline('iris')] }));
    expect(model.state.notes.iris).toBeDefined();
    await clock.pass(200);
    const other = pipeline('iris', { served: { ...pipeline('iris').served!, seq: 2 } });
    await server.last.answer(snapshot({ seq: 3, pipelines: [other] }));
    expect(model.state.notes.iris).toBeUndefined();
  });

  it('that are forbidden are not offered again', async () => {
    await live({ pipelines: [pipeline('iris')] });
    const loaded = model.load('iris').catch(error => error);
    await settle();
    await server.open.find(ask => ask.method === 'POST')!.answer({ code: 'x', message: 'no' }, 403);
    await loaded;
    expect(model.state.denied).toEqual({ load: true });
  });

  it('quote names in addresses', async () => {
    await live();
    void model.run('a/b?c', { input: [1] }).catch(() => undefined);
    await settle();
    const asking = server.open.find(ask => ask.method === 'POST')!;
    expect(asking.path).toBe('pipelines/a%2Fb%3Fc/main');
    expect(asking.body).toEqual({ pipeline_input: [1] });
  });
});

describe('jobs', () => {
  it('older ones are paged in and stay', async () => {
    const ended = (id: string, seq: number) => job(id, { seq, status: 'done' });
    await live({ jobs: [ended('c', 3), ended('b', 2)] });
    const paged = model.moreJobs();
    await settle();
    const asking = server.open.find(ask => ask.path === 'jobs')!;
    expect(asking.query.get('before')).toBe('2');
    await asking.answer({ items: [ended('a', 1)], next: null });
    await paged;
    expect(model.state.jobs.map(one => one.id)).toEqual(['c', 'b', 'a']);
    await server.last.answer(snapshot({ seq: 2, jobs: [ended('d', 4), ended('c', 3), ended('b', 2)] }));
    expect(model.state.jobs.map(one => one.id)).toEqual(['d', 'c', 'b', 'a']);
    const asked = server.asked.length;
    await model.moreJobs();
    expect(server.asked.filter(ask => ask.path === 'jobs')).toHaveLength(1);
    expect(server.asked.length).toBeGreaterThanOrEqual(asked);
  });
});
