/**
 * Numbers, durations, times and versions, as people read them.
 */
import { Time } from '@jupyterlab/coreutils';

const DAY_MS = 86_400_000;

function numbers(digits: Intl.NumberFormatOptions): (value: number) => string {
  let format: Intl.NumberFormat | null = null;
  return value => {
    const lang = document.documentElement.lang || undefined;
    format = format ?? new Intl.NumberFormat(lang, digits);
    return format.format(value);
  };
}

const significant2 = numbers({ maximumSignificantDigits: 2 });
const significant3 = numbers({ maximumSignificantDigits: 3 });
const compact = numbers({ notation: 'compact', maximumFractionDigits: 1 });
const whole = numbers({ maximumFractionDigits: 0 });

/** Calls a second: 0.4, 3.2, 48, 1.2K. */
export function rate(value: number): string {
  if (value > 0 && value < 0.1) {
    return '<0.1';
  }
  return value < 10 ? significant2(value) : compact(Math.round(value));
}

export function count(value: number): string {
  return value < 10_000 ? whole(value) : compact(value);
}

/** A latency: 0.87 ms, 1.1 ms, 48 ms, 1.3 s. */
export function latency(seconds: number): string {
  return seconds < 1
    ? `${significant2(seconds * 1000)} ms`
    : `${significant2(seconds)} s`;
}

export function percent(fraction: number): string {
  return `${Math.floor(Math.min(1, Math.max(0, fraction)) * 100)}%`;
}

export function metric(value: unknown): string {
  if (typeof value === 'number') {
    return significant3(value);
  }
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** 0.8 s, 12 s, 1 min 04 s, 2 h 05 min; short: 0:12, 1:04, 2:05:00. */
export function duration(seconds: number, short = false): string {
  const s = Math.max(0, seconds);
  const rest = Math.floor(s);
  const [h, m] = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  if (short) {
    return h ? `${h}:${two(m)}:${two(rest % 60)}` : `${m}:${two(rest % 60)}`;
  }
  if (h) {
    return `${h} h ${two(m)} min`;
  }
  if (m) {
    return `${m} min ${two(rest % 60)} s`;
  }
  return s < 10 ? `${significant2(Math.floor(s * 10) / 10)} s` : `${rest} s`;
}

export function bytes(value: number): string {
  for (const [unit, size] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3]
  ] as const) {
    if (value >= size) {
      return `${significant2(value / size)} ${unit}`;
    }
  }
  return `${value} B`;
}

/** The server writes UTC without saying so. */
export function date(text: string): Date {
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  return new Date(zoned ? text : `${text.replace(' ', 'T')}Z`);
}

export function clock(when: Date): string {
  return when.toLocaleTimeString(undefined, { hour12: false });
}

/** Today the time, else the day with it. */
export function moment(when: Date): string {
  const today = when.toDateString() === new Date().toDateString();
  return today ? clock(when) : day(when);
}

/** "9m ago" up to a day, then "3 Nov 16:20". */
export function ago(when: Date, now: number): string {
  const age = now - when.getTime();
  if (age < 60_000) {
    const lang = document.documentElement.lang || undefined;
    return new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(0, 'second');
  }
  return age < DAY_MS ? Time.formatHuman(when, 'narrow') : day(when, now);
}

export function day(when: Date, now = Date.now()): string {
  const year = when.getFullYear() === new Date(now).getFullYear();
  const text = when.toLocaleDateString(undefined, {
    day: 'numeric',
    month: 'short',
    year: year ? undefined : 'numeric'
  });
  return `${text} ${hour(when)}`;
}

export function hour(when: Date): string {
  return when.toLocaleTimeString(undefined, {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false
  });
}

/** For tooltips: the local time with its zone. */
export function full(when: Date): string {
  return when.toLocaleString(undefined, { dateStyle: 'full', timeStyle: 'long' });
}

/**
 * Seven digits of a version: of its major, minor and patch digests, so that any
 * difference is likely to show.
 */
export function digest(version: string): string {
  const [major = '', minor = '', patch = ''] = version.split('_')[0].split('.');
  return major.slice(0, 3) + minor.slice(0, 2) + patch.slice(0, 2);
}

/** The time that a version bears. */
export function versionTime(version: string): Date | null {
  const at = version.split('_')[1];
  return at ? date(at) : null;
}

/** A path without its middle. */
export function path(text: string, most = 28): string {
  if (text.length <= most) {
    return text;
  }
  if (!text.includes('/')) {
    return `${text.slice(0, most - 1)}…`;
  }
  const name = text.slice(text.lastIndexOf('/') + 1);
  const rest = Math.max(3, most - name.length - 1);
  return `${text.slice(0, rest)}…${name}`;
}

/** Ids as short as they can be told apart, four digits at least. */
export function shortIds(ids: readonly string[]): Map<string, string> {
  const length = (id: string, digits: number) => id.replace(/-/g, '').slice(0, digits);
  const short = new Map<string, string>();
  let open = [...new Set(ids)];
  for (let digits = 4; open.length && digits <= 32; digits += 2) {
    const seen = new Map<string, number>();
    open.forEach(id => seen.set(length(id, digits), (seen.get(length(id, digits)) ?? 0) + 1));
    open.forEach(id => short.set(id, length(id, digits)));
    open = open.filter(id => seen.get(length(id, digits))! > 1);
  }
  return short;
}
