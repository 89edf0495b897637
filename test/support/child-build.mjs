/**
 * The module of a child process, built into one file that starts at once. Loading some six hundred sources one by one
 * takes four seconds, which every start in a test would pay; a build is made once and taken again until a source changes.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'
import { newestBelow } from '../../main/build-if-stale.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Below node_modules, so that the packages are found from there.
const cache = join(root, 'node_modules/.cache/hearth-children')
const hourMs = 3_600_000
const sources = ['main', 'server', 'schema', 'test/support', 'test/server', 'test/bench', 'package-lock.json'].map(
  (path) => join(root, path),
)

/**
 * @param module absolute path of a TypeScript module
 * @returns path of what was built from it and the sources as they are
 */
export async function buildChild(module) {
  const name = basename(module, '.ts')
  const built = join(cache, `${name}-${Math.round(Math.max(...sources.map(newestBelow)))}`)
  const entry = join(built, 'entry.mjs')
  if (existsSync(entry)) return entry
  mkdirSync(cache, { recursive: true })
  const outDir = mkdtempSync(join(cache, 'new-'))
  await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    plugins: [ownPlaces],
    build: {
      ssr: module,
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rolldownOptions: { external: ['electron'], output: { format: 'es', entryFileNames: 'entry.mjs' } },
    },
  })
  for (const old of readdirSync(cache)) {
    // Not a younger one: another child may still load from it.
    if (Date.now() - statSync(join(cache, old)).mtimeMs > hourMs)
      rmSync(join(cache, old), { recursive: true, force: true })
  }
  try {
    renameSync(outDir, built)
  } catch {
    // Another child was as fast and built the same.
    rmSync(outDir, { recursive: true, force: true })
  }
  return entry
}

/** A module that asks where it stands is told where its source stands. */
const ownPlaces = {
  name: 'own-places',
  transform(code, id) {
    if (!code.includes('import.meta.')) return null
    return code
      .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(id)))
  },
}
