import { describe, expect, it } from 'vitest';
import about from '../package.json';
import { settle, spans } from '../src/ansi';
import { blame, stateOf } from '../src/derive';
import * as format from '../src/format';
import { underRoot } from '../src/paths';
import { RELEASE } from '../src/release';
import { python } from '../src/snippets';
import { pipeline } from './fakes';

describe('formats', () => {
  it('say durations as people do', () => {
    expect([0.84, 12.3, 64, 7500].map(s => format.duration(s))).toEqual([
      '0.8 s',
      '12 s',
      '1 min 04 s',
      '2 h 05 min'
    ]);
    expect([12, 64, 7500].map(s => format.duration(s, true))).toEqual(['0:12', '1:04', '2:05:00']);
  });

  it('say rates, latencies and shares', () => {
    expect([0.02, 0.4, 3.24, 48, 1234].map(format.rate)).toEqual(['<0.1', '0.4', '3.2', '48', '1.2K']);
    expect([0.00087, 0.0011, 0.048, 1.3].map(format.latency)).toEqual([
      '0.87 ms',
      '1.1 ms',
      '48 ms',
      '1.3 s'
    ]);
    expect([0, 0.625, 0.999, 1.5].map(format.percent)).toEqual(['0%', '62%', '99%', '100%']);
  });

  it('take the server for what it writes: UTC', () => {
    expect(format.date('2026-01-01T00:00:00.5').toISOString()).toBe('2026-01-01T00:00:00.500Z');
    expect(format.date('2026-01-01T01:00:00+01:00').toISOString()).toBe('2026-01-01T00:00:00.000Z');
  });

  it('shorten ids as far as they can be told apart', () => {
    const short = format.shortIds(['abcd1111', 'abcd2222', 'ffff0000']);
    expect([...short.values()].sort()).toEqual(['abcd11', 'abcd22', 'ffff']);
  });

  it('tell versions apart that differ in one level only', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(letter => letter.repeat(40));
    expect(format.digest(`${a}.${b}.${c}_2026`)).toHaveLength(7);
    expect(format.digest(`${a}.${b}.${c}_2026`)).not.toBe(format.digest(`${a}.${b}.${a}_2026`));
  });

  it('write calls for Python', () => {
    expect(python('iris', [[1, null, true]])).toContain(
      'client.call_pipeline("iris", [[1, None, True]])'
    );
  });
});

describe('states', () => {
  it('are the first that applies', () => {
    const of = (more: object) => stateOf(pipeline('p', more));
    const newer = { numbers: {}, fits: true, reason: null, pinned: false };
    expect(of({ state: 'failed', is_loaded: false })).toBe('failed');
    expect(of({ state: 'starting', replicas: { wanted: 1, alive: 0, restarts: 2 } })).toBe('restarting');
    expect(of({ is_loaded: false, unsaved: 'r' })).toBe('not-loaded');
    expect(of({ unsaved: 'r', newer })).toBe('not-saved');
    expect(of({ newer })).toBe('newer');
    expect(of({ state: 'cold' })).toBe('loaded');
  });
});

it('errors say what went wrong, and where, in one line', () => {
  const message = "Node 'fit' (op 'fit') of pipeline 'p' failed: ValueError: no\nmore";
  expect(blame({ message, node: 'fit' })).toBe('fit: ValueError: no');
  expect(blame({ message: "Pipeline 'p' is not loaded: x" })).toBe('x');
});

describe('lines of a terminal', () => {
  it('keep colours and drop other codes', () => {
    expect(spans('a\u001b[31;1mb\u001b[0mc\u001b[2K')).toEqual([
      { text: 'a', classes: '' },
      { text: 'b', classes: 'ansi-red-fg ansi-bold' },
      { text: 'c', classes: '' }
    ]);
    expect(settle('10%\r20%\r')).toBe('20%');
  });
});

it('the page is of the release that its package says', () => {
  expect(about.version).toBe(RELEASE);
});

describe('paths', () => {
  it('are as JupyterLab has them', () => {
    expect(underRoot('/data/work/a/x.ipynb', '/data/work')).toBe('a/x.ipynb');
    expect(underRoot('/home/me/work/x.ipynb', '~/work')).toBe('x.ipynb');
    expect(underRoot('C:\\work\\a\\x.ipynb', 'C:\\work')).toBe('a/x.ipynb');
    expect(underRoot('/elsewhere/x.ipynb', '/data/work')).toBe('/elsewhere/x.ipynb');
    expect(underRoot('some.module', '/data/work')).toBe('some.module');
    expect(underRoot('x.ipynb', '')).toBe('x.ipynb');
  });
});
