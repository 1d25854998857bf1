/**
 * The side panel: pipelines and jobs in two sections.
 */
import { PanelWithToolbar, ReactWidget, SidePanel } from '@jupyterlab/ui-components';
import type { ITranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { AccordionPanel } from '@lumino/widgets';
import type { AccordionLayout } from '@lumino/widgets';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { Button } from '../components/button';
import { Chariots } from '../components/context';
import { chariotsIcon } from '../components/icons';
import { Jobs } from '../components/jobs';
import { Pipelines, isOpen } from '../components/pipelines';
import { Head } from '../components/toolbar';
import type { JobFilter } from '../derive';
import type { IChariots } from '../tokens';

/** What a user has arranged, and finds again after a reload. */
export interface IArrangement {
  folds: Record<string, boolean>;
  filter: JobFilter;
  /** Which sections are unfolded, and how they share the height. */
  sections?: { open: boolean[]; sizes: number[] };
}

export interface IPanelOptions {
  chariots: IChariots;
  translator: ITranslator;
  release: string;
  arrangement: IArrangement;
}

export class ChariotsPanel extends SidePanel {
  constructor(private readonly options: IPanelOptions) {
    super({ translator: options.translator });
    const { chariots } = options;
    const { trans } = chariots;
    this.id = 'jupyter-chariots';
    this.addClass('jp-Chariots');
    this.title.icon = chariotsIcon;
    this.title.caption = 'Chariots';
    this.node.dataset.testid = 'chariots-panel';
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'Chariots');
    this._arrangement = options.arrangement;

    const head = this.part(() => (
      <Head release={options.release} query={this._query} onQuery={this.setQuery} />
    ));
    head.addClass('jp-Chariots-head');
    this.header.addWidget(head);

    const pipelines = new PanelWithToolbar();
    pipelines.addClass('jp-Chariots-section');
    pipelines.title.label = trans.__('Pipelines');
    pipelines.toolbar.addItem(
      'collapse',
      ReactWidget.create(
        <Button
          icon="collapse"
          title={trans.__('Collapse all')}
          onClick={() => this.collapse()}
          testid="chariots-collapse"
        />
      )
    );
    pipelines.addWidget(
      this.part(() => (
        <Pipelines
          query={this._query}
          onClear={() => this.setQuery('')}
          folds={this._arrangement.folds}
          onFold={this.fold}
        />
      ))
    );
    const jobs = new PanelWithToolbar();
    jobs.addClass('jp-Chariots-section');
    jobs.title.label = trans.__('Jobs');
    jobs.addWidget(
      this.part(() => (
        <Jobs
          query={this._query}
          onClear={() => this.setQuery('')}
          filter={this._arrangement.filter}
          onFilter={filter => this.arrange({ filter })}
        />
      ))
    );
    this.addWidget(pipelines);
    this.addWidget(jobs);
    this._unsubscribe = chariots.model.subscribe(() => this.showCounts());
    if (this.content instanceof AccordionPanel) {
      const { content } = this;
      const changed = () => {
        const open = content.widgets.map(one => !one.isHidden);
        const sections = { open, sizes: content.relativeSizes() };
        this._arrangement = { ...this._arrangement, sections };
        this.arranged.emit(this._arrangement);
      };
      content.handleMoved.connect(changed);
      content.expansionToggled.connect(changed);
    }
  }

  /** Folds or filter were changed by the user. */
  readonly arranged = new Signal<this, IArrangement>(this);

  get arrangement(): IArrangement {
    return this._arrangement;
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this._unsubscribe();
    this._unwatch?.();
    Signal.clearData(this);
    super.dispose();
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this._unwatch ??= this.options.chariots.model.watch();
    this.showCounts();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this._unwatch?.();
    this._unwatch = null;
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    if (this.isVisible) {
      this._unwatch ??= this.options.chariots.model.watch();
    }
    this.showCounts();
  }

  protected override onActivateRequest(msg: Message): void {
    super.onActivateRequest(msg);
    const first = this.node.querySelector<HTMLElement>('[data-row][tabindex="0"]');
    (first ?? this.node.querySelector<HTMLElement>('button'))?.focus();
  }

  private part(render: () => JSX.Element): ReactWidget {
    const widget = ReactWidget.create(
      <Part chariots={this.options.chariots} changed={this._changed} render={render} />
    );
    widget.addClass('jp-Chariots-part');
    return widget;
  }

  private setQuery = (query: string): void => {
    this._query = query;
    this._changed.emit();
  };

  private fold = (name: string, open: boolean): void => {
    this.arrange({ folds: { ...this._arrangement.folds, [name]: open } });
  };

  /** Arrange it otherwise. */
  arrange(part: Partial<IArrangement>): void {
    this._arrangement = { ...this._arrangement, ...part };
    this._changed.emit();
    this.arranged.emit(this._arrangement);
  }

  /** Arrange it as it was before the page was loaded. */
  restore(saved: Partial<IArrangement>): void {
    this.arrange(saved);
    const { open, sizes } = saved.sections ?? {};
    if (this.content instanceof AccordionPanel && open && sizes) {
      const { content } = this;
      open.forEach((one, index) => (one ? content.expand(index) : content.collapse(index)));
      content.setRelativeSizes(sizes);
    }
  }

  private collapse(): void {
    const { pipelines } = this.options.chariots.model.state;
    const { folds } = this._arrangement;
    const some = pipelines.some(view => isOpen(view.name, folds, pipelines.length));
    const all = pipelines.map(view => [view.name, !some] as const);
    this.arrange({ folds: { ...folds, ...Object.fromEntries(all) } });
  }

  /** Beside the titles: how many pipelines, how many jobs that run. */
  private showCounts(): void {
    const content = this.content;
    if (!(content instanceof AccordionPanel)) {
      return;
    }
    const { trans, model } = this.options.chariots;
    const { pipelines, jobs, connection } = model.state;
    const running = jobs.filter(job => job.status === 'running').length;
    const known = connection !== 'first';
    const [first, second] = (content.layout as AccordionLayout).titles;
    const counts: [HTMLElement | undefined, string][] = [
      [first, known ? String(pipelines.length) : ''],
      [second, running ? trans.__('%1 running', running) : known ? String(jobs.length) : '']
    ];
    for (const [title, text] of counts) {
      const label = title?.querySelector<HTMLElement>('.lm-AccordionPanel-titleLabel');
      if (label && label.dataset.count !== text) {
        label.dataset.count = text;
      }
    }
    this.node.classList.toggle('is-stale', connection === 'away');
  }

  private _query = '';
  private _arrangement: IArrangement;
  private _changed = new Changes();
  private _unwatch: (() => void) | null = null;
  private _unsubscribe: () => void;
}

/** Tells the parts of the panel that what they share has changed. */
class Changes {
  emit(): void {
    this._version++;
    this._listeners.forEach(listener => listener());
  }

  subscribe = (listener: () => void): (() => void) => {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  };

  get = (): number => this._version;

  private _version = 0;
  private _listeners = new Set<() => void>();
}

function Part(props: {
  chariots: IChariots;
  changed: Changes;
  render: () => JSX.Element;
}): JSX.Element {
  React.useSyncExternalStore(props.changed.subscribe, props.changed.get);
  return <Chariots value={props.chariots}>{props.render()}</Chariots>;
}
