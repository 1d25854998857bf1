import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      // as the builder does: an icon is its text
      name: 'svg-as-text',
      enforce: 'pre',
      async load(id) {
        if (id.split('?')[0].endsWith('.svg')) {
          const { readFile } = await import('node:fs/promises');
          const text = await readFile(id.split('?')[0], 'utf8');
          return `export default ${JSON.stringify(text)}`;
        }
        return null;
      }
    }
  ],
  test: {
    environment: 'jsdom',
    setupFiles: ['tests/setup.ts'],
    include: ['tests/**/*.test.{ts,tsx}'],
    css: false,
    server: { deps: { inline: [/@jupyterlab/, /@lumino/, /@jupyter/] } }
  }
});
