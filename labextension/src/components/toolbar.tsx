/**
 * The head of the side panel: toolbar, filter box, banner.
 */
import * as React from 'react';
import { Banner } from './banner';
import { Button } from './button';
import { useChariots, useChariotsState } from './context';
import { Icon } from './icons';
import { Live } from './live';
import { blockedFor } from './pipelines';

/** More pipelines than this, and the filter box is always there. */
const MANY = 20;

export interface IHeadProps {
  release: string;
  query: string;
  onQuery: (query: string) => void;
}

export function Head(props: IHeadProps): JSX.Element {
  const { query, onQuery } = props;
  const { trans, host, model } = useChariots();
  const state = useChariotsState();
  const [asked, setAsked] = React.useState(false);
  const box = React.useRef<HTMLInputElement>(null);
  const open = asked || query !== '' || state.pipelines.length > MANY;
  return (
    <>
      <div className="jp-Chariots-toolbar" role="toolbar" aria-label="Chariots">
        {host.serve && (
          <Button
            icon="wheel"
            text={trans.__('Serve notebook')}
            title={trans.__('Serve the pipelines of the current notebook')}
            disabled={blockedFor(state, undefined, trans)}
            onClick={() => host.serve?.()}
            testid="chariots-serve"
          />
        )}
        <span className="ch-spacer" />
        <Button
          icon="search"
          title={trans.__('Filter pipelines and jobs')}
          pressed={open}
          onClick={() => {
            if (open && state.pipelines.length <= MANY) {
              onQuery('');
              setAsked(false);
            } else {
              setAsked(true);
              requestAnimationFrame(() => box.current?.focus());
            }
          }}
          testid="chariots-search"
        />
        <Button
          icon="refresh"
          title={trans.__('Refresh')}
          onClick={() => void model.refresh()}
          testid="chariots-refresh"
        />
        <Button
          icon="dots"
          title={trans.__('More actions')}
          onClick={event => {
            const at = event.currentTarget.getBoundingClientRect();
            host.more(at.left, at.bottom);
          }}
          testid="chariots-more"
          menu
        />
      </div>
      {open && (
        <div className="jp-Chariots-search">
          <span>
            <Icon name="search" />
            <input
              ref={box}
              value={query}
              placeholder={trans.__('Filter by name, op, state or id')}
              aria-label={trans.__('Filter by name, op, state or id')}
              data-testid="chariots-query"
              onChange={event => onQuery(event.target.value)}
              onKeyDown={event => {
                if (event.key === 'Escape') {
                  onQuery('');
                  setAsked(false);
                }
              }}
            />
          </span>
        </div>
      )}
      <Banner release={props.release} />
      <Live />
    </>
  );
}
