/**
 * Packages for all three systems with a made-up Electron, offline, and looks at what came out; the
 * Linux one is taken apart and its server booted.
 *
 * Needs `npm run build`. What it cannot prove is that Electron boots it: test/electron does, where
 * there is a binary.
 */
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { fabricateElectron } from './fabricate-electron.js'

const run = promisify(execFile)
const repo = resolve(import.meta.dirname, '../..')
const bin = (name: string) => join(repo, 'node_modules', '.bin', name)
const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
/** The two things of electron-builder.yml that are compared with what came out. */
const configText = readFileSync(join(repo, 'electron-builder.yml'), 'utf8')
const electronVersion = /^electronVersion: (\S+)/m.exec(configText)![1]!
const wantedFuses = Object.fromEntries(
  [...configText.split('electronFuses:')[1]!.matchAll(/^ {2}(\w+): (true|false)$/gm)].map(([, name, isOn]) => [
    name,
    isOn === 'true',
  ]),
)
const temporary = mkdtempSync(join(tmpdir(), 'hearth-packaging-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

type Target = { platform: 'linux' | 'win32' | 'darwin'; arch: 'x64' | 'arm64' }

/** Folder of the packaged app's resources, and its executable or bundle. */
async function pack({ platform, arch }: Target): Promise<{ resources: string; app: string }> {
  const electronDist = join(temporary, `electron-${platform}`)
  const output = join(temporary, `${platform}-${arch}`)
  fabricateElectron(platform, electronDist, electronVersion)
  const flag = { linux: '--linux', win32: '--win', darwin: '--mac' }[platform]
  await run(
    bin('electron-builder'),
    [
      ...[
        flag,
        'dir',
        `--${arch}`,
        '--publish',
        'never',
        `-c.electronDist=${electronDist}`,
        `-c.directories.output=${output}`,
      ],
      ...(platform === 'darwin' ? ['-c.mac.identity=null'] : []),
    ],
    { cwd: repo, maxBuffer: 64 * 1024 * 1024 },
  )
  const folder = join(output, readdirSync(output).find((name) => /unpacked$|^mac/.test(name))!)
  if (platform !== 'darwin')
    return { resources: join(folder, 'resources'), app: join(folder, platform === 'linux' ? 'hearth' : 'Hearth.exe') }
  const app = join(folder, 'Hearth.app')
  return { resources: join(app, 'Contents', 'Resources'), app }
}

const nativeModulesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.node'))

/** `Hearth.exe has the following fuses:` and one `name is Enabled|Disabled` a line. */
async function readFuses(app: string): Promise<Record<string, boolean>> {
  const { stdout } = await run(bin('electron-fuses'), ['read', '--app', app])
  const lines = [...stdout.matchAll(/(\w+) is .*?(Enabled|Disabled)/g)]
  return Object.fromEntries(
    lines.map(([, name, state]) => [name![0]!.toLowerCase() + name!.slice(1), state === 'Enabled']),
  )
}

beforeAll(() => {
  if (!existsSync(join(repo, 'out/main/headless.js'))) throw new Error('nothing is built: npm run build')
})

describe('the configuration', () => {
  test('packs the Electron that is installed', () => {
    expect(electronVersion).toBe(readJson(join(repo, 'node_modules/electron/package.json')).version)
  })

  test('turns every dangerous fuse off and every protecting one on', () => {
    expect(wantedFuses).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    })
  })
})

describe('the Linux package', () => {
  let packed: { resources: string; app: string }
  let extracted: string

  beforeAll(async () => {
    packed = await pack({ platform: 'linux', arch: 'x64' })
    extracted = join(temporary, 'extracted')
    await run(bin('asar'), ['extract', join(packed.resources, 'app.asar'), extracted])
  })

  test('holds the built app and its entry, and nothing of the workshop', async () => {
    const { stdout } = await run(bin('asar'), ['list', join(packed.resources, 'app.asar')], { maxBuffer: 2 ** 26 })
    const names = stdout.split('\n')
    const { main } = readJson(join(extracted, 'package.json'))

    expect(names).toContain(`/${String(main)}`)
    for (const path of ['/out/main/backend.js', '/out/preload/preload.cjs', '/out/renderer/index.html'])
      expect(names).toContain(path)
    expect(names.filter((name) => /\.map$|\.tsx?$|^\/(test|main|server|renderer|docs)\//.test(name))).toEqual([])
    for (const name of ['typescript', 'electron', 'vite', 'react', 'playwright'])
      expect(names, name).not.toContain(`/node_modules/${name}`)
  })

  test('has one engine, outside the archive, and sharp’s module for this system', () => {
    const modules = nativeModulesIn(join(packed.resources, 'app.asar.unpacked')).map((name) => basename(name))

    expect(modules.filter((name) => name.startsWith('surrealdb'))).toEqual(['surrealdb-node.linux-x64-gnu.node'])
    expect(modules.filter((name) => !/^(surrealdb-node|sharp-linux-x64)/.test(name))).toEqual([])
  })

  test('stays under 120 MB without Electron', () => {
    const sizes = readdirSync(packed.resources, { recursive: true, encoding: 'utf8' }).map((name) => {
      const found = statSync(join(packed.resources, name))
      return found.isFile() ? found.size : 0
    })

    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(120 * 1024 * 1024)
  })

  test('has its fuses set', async () => {
    expect(await readFuses(packed.app)).toMatchObject(wantedFuses)
  })

  test('boots its server from what is in the package alone', async () => {
    const home = mkdtempSync(join(temporary, 'elsewhere-'))
    cpSync(extracted, join(home, 'app'), { recursive: true })
    const child = spawn(
      process.execPath,
      [join(home, 'app/out/main/headless.js'), '--data-dir', join(home, 'data'), '--client-port', '0', '--no-open'],
      { cwd: home, env: { PATH: process.env.PATH, HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    let complaints = ''
    child.stderr.on('data', (text: Buffer) => {
      complaints += text.toString()
    })
    const ended = new Promise<number | null>((done) => child.once('exit', done))
    const ready = await Promise.race([
      new Promise<string>((done) => createInterface(child.stdout).once('line', done)),
      ended.then((code) => `ended with ${code}: ${complaints}`),
    ])

    expect(ready).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\/ server_name= pid=\d+$/)
    const url = ready.split(' ')[1]!
    const versions = (await (await fetch(`${url}_matrix/client/versions`)).json()) as { versions: string[] }
    expect(versions.versions.length).toBeGreaterThan(0)
    const page = await fetch(url, { headers: { accept: 'text/html' } })
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('<div id="root">')
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
})

describe('packages for other systems, made here', () => {
  test('Windows: its engine, fuses, and the archive’s hash in the program', async () => {
    const { resources, app } = await pack({ platform: 'win32', arch: 'x64' })

    const modules = nativeModulesIn(resources).map((name) => basename(name))
    expect(modules).toEqual(['surrealdb-node.win32-x64-msvc.node'])
    expect(await readFuses(app)).toMatchObject(wantedFuses)
    expect(readFileSync(app).includes(Buffer.from(headerHash(resources)))).toBe(true)
  })

  test('macOS: its engine, fuses, the archive’s hash and the link scheme in Info.plist', async () => {
    const { resources, app } = await pack({ platform: 'darwin', arch: 'arm64' })

    const modules = nativeModulesIn(resources).map((name) => basename(name))
    expect(modules).toEqual(['surrealdb-node.darwin-arm64.node'])
    expect(await readFuses(app)).toMatchObject(wantedFuses)
    const info = readFileSync(join(app, 'Contents', 'Info.plist'), 'utf8')
    expect(info).toContain(headerHash(resources))
    expect(info).toMatch(/<key>CFBundleURLSchemes<\/key>\s*<array>\s*<string>matrix<\/string>/)
  })
})

/**
 * What Electron compares before it loads anything from the archive: SHA-256 of the header's JSON,
 * which begins at byte 16, after its length.
 */
function headerHash(resources: string): string {
  const archive = readFileSync(join(resources, 'app.asar'))
  return createHash('sha256')
    .update(archive.subarray(16, 16 + archive.readUInt32LE(12)))
    .digest('hex')
}
