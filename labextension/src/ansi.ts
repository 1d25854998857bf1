/**
 * Lines of a terminal: what is text, and how it is to look.
 */

export interface ISpan {
  text: string;
  /** Class names of JupyterLab's own style for ANSI colours. */
  classes: string;
}

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
// eslint-disable-next-line no-control-regex
const CODE = /\u001b\[([0-9;]*)([A-Za-z])/g;

/** The text as a terminal leaves it: a carriage return writes over the line. */
export function settle(line: string): string {
  const parts = line.replace(/\r+$/, '').split('\r');
  return parts[parts.length - 1];
}

/** Cut a line into pieces of one look each; other control codes are dropped. */
export function spans(line: string): ISpan[] {
  const found: ISpan[] = [];
  let fg: string | null = null;
  let [bold, under] = [false, false];
  let last = 0;
  const push = (text: string) => {
    if (text) {
      const classes = [fg && `ansi-${fg}-fg`, bold && 'ansi-bold', under && 'ansi-underline'];
      found.push({ text, classes: classes.filter(Boolean).join(' ') });
    }
  };
  for (const match of line.matchAll(CODE)) {
    push(line.slice(last, match.index));
    last = match.index! + match[0].length;
    if (match[2] !== 'm') {
      continue;
    }
    for (const code of (match[1] || '0').split(';').map(Number)) {
      if (code === 0) {
        [fg, bold, under] = [null, false, false];
      } else if (code === 1) {
        bold = true;
      } else if (code === 4) {
        under = true;
      } else if (code === 22) {
        bold = false;
      } else if (code === 24) {
        under = false;
      } else if (code === 39) {
        fg = null;
      } else if (code >= 30 && code <= 37) {
        fg = COLOURS[code - 30];
      } else if (code >= 90 && code <= 97) {
        fg = `${COLOURS[code - 90]}-intense`;
      }
    }
  }
  push(line.slice(last));
  return found;
}
