/**
 * One build tool, three passes: `vite build --mode main | preload | renderer`.
 *
 * main: ES modules for Node; every dependency stays outside and is loaded from node_modules.
 * preload: one CommonJS file, since a sandboxed preload can neither be a module nor require files.
 * renderer: static files with relative URLs, served by app:// and by HTTP alike.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import react from '@vitejs/plugin-react'
import { defineConfig, type Plugin, type UserConfig } from 'vite'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const builtins = [...builtinModules, ...builtinModules.map((name) => `node:${name}`)]

const main: UserConfig = {
  publicDir: false,
  // Set by the machine that signs releases; any other build says in About that it is unsigned.
  define: { __SIGNED_BUILD__: JSON.stringify(process.env.SIGNED_BUILD === '1') },
  ssr: { target: 'node' },
  build: {
    ssr: true,
    outDir: at('out/main'),
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      input: {
        index: at('main/index.ts'),
        headless: at('main/headless.ts'),
        backend: at('main/backend.ts'),
        'command-line': at('main/command-line.ts'),
      },
      external: ['electron', ...builtins],
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
}

const preload: UserConfig = {
  publicDir: false,
  build: {
    lib: { entry: at('main/preload.ts'), formats: ['cjs'], fileName: () => 'preload.cjs' },
    outDir: at('out/preload'),
    emptyOutDir: true,
    target: 'chrome140',
    minify: false,
    rolldownOptions: { external: ['electron'] },
  },
}

/** Lays what compresses well beside each file of the page, once and for all requests (`server/http/renderer.ts`). */
const compressed = (folder: string): Plugin => ({
  name: 'compressed',
  apply: 'build',
  closeBundle() {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(?:html|js|css|json|svg|wasm|webmanifest)$/.test(name)) continue
      const bytes = readFileSync(join(folder, name))
      if (bytes.length < 1024) continue
      // Of the megabytes of the encryption the best quality would take a third less, and half a minute.
      const best = name.endsWith('.wasm') ? 6 : constants.BROTLI_MAX_QUALITY
      const quality = { [constants.BROTLI_PARAM_QUALITY]: best }
      writeFileSync(join(folder, `${name}.br`), brotliCompressSync(bytes, { params: quality }))
      writeFileSync(join(folder, `${name}.gz`), gzipSync(bytes, { level: name.endsWith('.wasm') ? 6 : 9 }))
    }
  },
})

const renderer: UserConfig = {
  root: at('renderer'),
  base: './',
  plugins: [react(), compressed(at('out/renderer'))],
  build: {
    outDir: at('out/renderer'),
    emptyOutDir: true,
    target: 'chrome120',
    // The polyfill would be an inline script, which the page's policy refuses.
    modulePreload: { polyfill: false },
    // data: URLs are allowed for images alone.
    assetsInlineLimit: 0,
  },
}

export default defineConfig(({ mode }) => {
  // `npx vite` alone serves the page's sources; its mode is then "development".
  const passes: Record<string, UserConfig> = { main, preload, renderer, development: renderer }
  const pass = passes[mode]
  if (!pass) throw new Error(`unknown build pass "${mode}": main, preload or renderer`)
  return pass
})
