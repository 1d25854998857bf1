/**
 * Icons: those of JupyterLab, and the wheel.
 */
import {
  LabIcon,
  caretDownIcon,
  caretRightIcon,
  caretUpIcon,
  checkIcon,
  circleEmptyIcon,
  circleIcon,
  clearIcon,
  closeIcon,
  collapseAllIcon,
  copyIcon,
  downloadIcon,
  ellipsesIcon,
  errorIcon,
  historyIcon,
  infoIcon,
  kernelIcon,
  launchIcon,
  moveUpIcon,
  notebookIcon,
  offlineBoltIcon,
  pauseIcon,
  redoIcon,
  refreshIcon,
  runIcon,
  saveIcon,
  searchIcon,
  textEditorIcon,
  undoIcon
} from '@jupyterlab/ui-components';
import * as React from 'react';
import tag from '../../style/tag.svg';
import wheel from '../../style/chariots.svg';

export const chariotsIcon = new LabIcon({ name: 'chariots:wheel', svgstr: wheel });
// in outline, unlike JupyterLab's own
const tagIcon = new LabIcon({ name: 'chariots:tag', svgstr: tag });

const ICONS = {
  again: redoIcon,
  caret: caretDownIcon,
  'caret-right': caretRightIcon,
  'caret-up': caretUpIcon,
  check: checkIcon,
  circle: circleIcon,
  'circle-empty': circleEmptyIcon,
  clear: clearIcon,
  close: closeIcon,
  collapse: collapseAllIcon,
  copy: copyIcon,
  download: downloadIcon,
  dots: ellipsesIcon,
  error: errorIcon,
  history: historyIcon,
  info: infoIcon,
  chip: kernelIcon,
  launch: launchIcon,
  log: textEditorIcon,
  notebook: notebookIcon,
  offline: offlineBoltIcon,
  pause: pauseIcon,
  refresh: refreshIcon,
  run: runIcon,
  save: saveIcon,
  search: searchIcon,
  tag: tagIcon,
  undo: undoIcon,
  up: moveUpIcon,
  wheel: chariotsIcon
};

export type IconName = keyof typeof ICONS;

export type Tone = 'ok' | 'bad' | 'warn' | 'brand';

export const Icon = React.memo(function Icon(props: {
  name: IconName;
  tone?: Tone;
  spin?: boolean;
  className?: string;
}): JSX.Element {
  const { name, tone, spin, className } = props;
  const round = name === 'circle' || name === 'circle-empty';
  const classes = [
    'ch-i',
    tone && `ch-${tone}`,
    spin && 'ch-spin',
    round && 'is-round',
    className
  ];
  const Shape = ICONS[name].react;
  return (
    <span className={classes.filter(Boolean).join(' ')} aria-hidden="true">
      <Shape tag={null} />
    </span>
  );
});

/** The ring of what is under way. */
export function Ring(): JSX.Element {
  return <span className="ch-i ch-ring ch-spin" aria-hidden="true" />;
}
