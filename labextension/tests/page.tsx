/**
 * Components on a page, with a model whose server is under the hand of the test.
 */
import { nullTranslator } from '@jupyterlab/translation';
import { act, cleanup, render } from '@testing-library/react';
import * as React from 'react';
import { afterEach, vi } from 'vitest';
import { Chariots } from '../src/components/context';
import { ChariotsModel } from '../src/model';
import type { IHost } from '../src/tokens';
import type { ISnapshot } from '../src/types';
import { Clock, Server, settle, snapshot } from './fakes';

afterEach(cleanup);

export const trans = nullTranslator.load('jupyter_chariots');

export function makeHost(): IHost {
  return {
    open: vi.fn(),
    log: vi.fn(),
    menu: vi.fn(),
    run: vi.fn(),
    save: vi.fn(),
    load: vi.fn(),
    unserve: vi.fn(),
    cancel: vi.fn(),
    again: vi.fn(),
    explain: vi.fn(),
    serve: vi.fn(),
    goTo: vi.fn(),
    more: vi.fn()
  };
}

/** Show an element, with this snapshot as what the server said. */
export async function show(
  element: React.ReactElement,
  first: Partial<ISnapshot> = {}
) {
  const [clock, server, host] = [new Clock(), new Server(), makeHost()];
  const model = new ChariotsModel(server.api, clock);
  model.watch();
  await settle();
  const page = render(
    <Chariots value={{ model, host, trans }}>{element}</Chariots>
  );
  const say = (next: Partial<ISnapshot>) =>
    act(async () => {
      const asking = server.open.find(ask => ask.path === 'snapshot')!;
      await asking.answer(snapshot(next));
      await clock.pass(200);
      clock.draw();
    });
  await say(first);
  const pass = (ms: number) =>
    act(async () => {
      await clock.pass(ms);
      clock.draw();
    });
  return { ...page, model, server, clock, host, say, pass };
}
