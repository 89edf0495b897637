/**
 * A folder that electron-builder takes for an unpacked Electron: everything it reads, nothing that runs.
 *
 * The executable carries the fuse wire, so that the fuses can be flipped and read back: a sentinel,
 * version 1, the number of fuses and one byte ('0' off, '1' on) for each.
 */
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const sentinel = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX'
const wire = '101100111'
const fuses = Buffer.concat([Buffer.from(sentinel), Buffer.from([1, wire.length]), Buffer.from(wire)])
const repo = resolve(import.meta.dirname, '../..')

function write(path: string, content: string | Buffer = ''): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

export function fabricateElectron(platform: 'linux' | 'win32' | 'darwin', folder: string, version: string): void {
  write(join(folder, 'LICENSE'), 'made up for a test')
  write(join(folder, 'LICENSES.chromium.html'))
  write(join(folder, 'version'), version)
  if (platform === 'darwin') {
    fabricateMacApp(join(folder, 'Electron.app'))
    return
  }
  mkdirSync(join(folder, 'resources'), { recursive: true })
  write(join(folder, 'locales', 'en-US.pak'))
  if (platform === 'linux') {
    const executable = join(folder, 'electron')
    write(executable, Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), fuses]))
    chmodSync(executable, 0o755)
    return
  }
  // It must be a real Windows program with a version resource; electron-builder brings one along.
  const executable = join(folder, 'electron.exe')
  copyFileSync(join(repo, 'node_modules/electron-winstaller/vendor/Setup.exe'), executable)
  appendFileSync(executable, fuses)
}

const plist = (entries: Record<string, string>) =>
  [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0"><dict>',
    ...Object.entries(entries).map(([key, value]) => `<key>${key}</key><string>${value}</string>`),
    '</dict></plist>',
    '',
  ].join('\n')

function fabricateMacApp(app: string): void {
  const bundle = (path: string, name: string) => {
    write(
      join(path, 'Contents', 'Info.plist'),
      plist({ CFBundleExecutable: name, CFBundleIdentifier: `org.${name}`, CFBundleName: name }),
    )
    write(join(path, 'Contents', 'MacOS', name), '#!/bin/sh\n')
    chmodSync(join(path, 'Contents', 'MacOS', name), 0o755)
  }
  bundle(app, 'Electron')
  mkdirSync(join(app, 'Contents', 'Resources'), { recursive: true })
  const frameworks = join(app, 'Contents', 'Frameworks')
  for (const kind of ['', ' (GPU)', ' (Plugin)', ' (Renderer)'])
    bundle(join(frameworks, `Electron Helper${kind}.app`), `Electron Helper${kind}`)
  write(join(frameworks, 'Electron Framework.framework', 'Electron Framework'), fuses)
}
