// Builds the bundle anew and compares it with the one that is committed, byte for byte.
import { execSync } from 'node:child_process';
import { readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';

const files = folder =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();

rmSync('committed', { recursive: true, force: true });
renameSync('prebuilt', 'committed');
let differ = [];
try {
  execSync('jlpm build', { stdio: 'inherit' });
  const all = new Set([...files('committed'), ...files('prebuilt')]);
  const read = (folder, name) => {
    try {
      return readFileSync(join(folder, name));
    } catch {
      return null;
    }
  };
  differ = [...all].filter(name => {
    const [a, b] = [read('committed', name), read('prebuilt', name)];
    return !a || !b || !a.equals(b);
  });
} finally {
  rmSync('prebuilt', { recursive: true, force: true });
  renameSync('committed', 'prebuilt');
}
if (differ.length) {
  console.error(`The bundle is not what its sources give: ${differ.join(', ')}`);
  console.error('Run "make labextension" and commit labextension/prebuilt.');
  process.exit(1);
}
console.log('The bundle is what its sources give.');
