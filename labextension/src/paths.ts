/**
 * Paths of notebooks: the server names files by where they are on its disk, JupyterLab by where
 * they are under the server's root.
 */
import { PageConfig } from '@jupyterlab/coreutils';

/** A path of the server as JupyterLab has it; what is not under the root stays as it is. */
export function underRoot(path: string, root = PageConfig.getOption('serverRoot')): string {
  const [file, folder] = [path, root].map(one => one.replace(/\\/g, '/'));
  // of a root in the user's home the server says "~/…"
  const end = `${folder.replace(/^~|\/$/g, '')}/`;
  const at = file.indexOf(end);
  const found = root !== '' && (at === 0 || (at > 0 && root.startsWith('~')));
  return found ? file.slice(at + end.length) : path;
}
