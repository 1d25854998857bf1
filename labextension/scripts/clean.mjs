// Removes what a build leaves.
import { rmSync } from 'node:fs';
for (const path of ['lib', 'prebuilt', 'tsconfig.tsbuildinfo']) {
  rmSync(path, { recursive: true, force: true });
}
