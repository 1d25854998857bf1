/**
 * The one button of all panels. Disabled, it keeps focus and tooltip.
 */
import * as React from 'react';
import { useHook } from './context';
import { Icon } from './icons';
import type { IconName } from './icons';

export interface IButtonProps {
  icon?: IconName;
  /** Shown beside the icon. */
  text?: string;
  /** Tooltip, and its name where there is no text. */
  title?: string;
  /** Why it cannot be pressed; replaces the tooltip. */
  disabled?: string | null | false;
  onClick: (event: React.MouseEvent<HTMLButtonElement>) => void;
  className?: string;
  testid?: string;
  tabIndex?: number;
  pressed?: boolean;
  menu?: boolean;
  children?: React.ReactNode;
}

export const Button = React.forwardRef<HTMLButtonElement, IButtonProps>(
  function Button(props, ref): JSX.Element {
    const { disabled, icon, text, onClick } = props;
    const title = disabled || props.title;
    const { className, ...hook } = useHook()(props.testid);
    return (
      <button
        ref={ref}
        type="button"
        {...hook}
        className={`ch-btn ${props.className ?? ''} ${className}`}
        title={title || undefined}
        aria-label={text ? undefined : (props.title ?? undefined)}
        aria-description={!text && disabled ? disabled : undefined}
        aria-disabled={disabled ? true : undefined}
        aria-pressed={props.pressed}
        aria-haspopup={props.menu ? 'menu' : undefined}
        tabIndex={props.tabIndex}
        onClick={event => {
          event.stopPropagation();
          if (!disabled) {
            onClick(event);
          }
        }}
      >
        {icon && <Icon name={icon} />}
        {text}
        {props.children}
      </button>
    );
  }
);
