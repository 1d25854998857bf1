/**
 * "Serve" in the toolbar of a notebook.
 */
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget, ToolbarButtonComponent } from '@jupyterlab/ui-components';
import * as React from 'react';
import { chariotsIcon } from '../components/icons';
import type { NotebookServing } from '../notebook';

export function serveButton(
  panel: NotebookPanel,
  serving: NotebookServing,
  trans: TranslationBundle
): ReactWidget {
  const widget = ReactWidget.create(
    <ServeButton panel={panel} serving={serving} trans={trans} />
  );
  widget.addClass('jp-Chariots-serve');
  return widget;
}

function ServeButton(props: {
  panel: NotebookPanel;
  serving: NotebookServing;
  trans: TranslationBundle;
}): JSX.Element {
  const { panel, serving, trans } = props;
  const [, render] = React.useReducer((n: number) => n + 1, 0);
  React.useEffect(() => {
    serving.listeners.add(render);
    panel.sessionContext.kernelChanged.connect(render);
    return () => {
      serving.listeners.delete(render);
      panel.sessionContext.kernelChanged.disconnect(render);
    };
  }, [panel, serving]);
  const busy = serving.isBusy(panel);
  const hindrance = serving.hindrance(panel);
  return (
    <ToolbarButtonComponent
      className={busy ? 'is-busy' : ''}
      icon={chariotsIcon}
      label={busy ? trans.__('Serving…') : trans.__('Serve')}
      tooltip={hindrance ?? trans.__('Serve the pipelines of this notebook')}
      enabled={!busy && !hindrance}
      dataset={{ testid: 'chariots-serve-notebook' } as never}
      onClick={() => void serving.serve(panel)}
    />
  );
}
