/** What the sources of the desktop shell must not contain: doors that are to stay in one place, or nowhere. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const main = resolve(import.meta.dirname, '../../main')
const sources = readdirSync(main, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name: name.replaceAll('\\', '/'), text: readFileSync(join(main, name), 'utf8') }))
const filesWith = (pattern: RegExp) => sources.filter(({ text }) => pattern.test(text)).map(({ name }) => name)

test.each([
  ['windows are made', /new BrowserWindow\(/, ['desktop/window.ts']],
  ['links are opened outside', /openExternal\(/, ['desktop/guards.ts']],
  ['calls of the page are answered', /ipcMain\.(handle|on)\(/, ['ipc/handlers.ts']],
  ['something is exposed to the page', /exposeInMainWorld\(/, ['preload.ts']],
  ['permissions are decided', /setPermissionRequestHandler\(/, ['desktop/guards.ts']],
])('%s in one place', (_what, pattern, files) => {
  expect(filesWith(pattern)).toEqual(files)
})

test.each([
  ['a child of Electron run as Node, which the fuse forbids', /\bfork\b.*from 'node:child_process'/],
  ['the synchronous safeStorage', /safeStorage\.(encryptString|decryptString|isEncryptionAvailable)\(/],
  ['a plain-text key store by choice', /setUsePlainTextEncryption/],
  ['a switch that weakens Chromium', /no-sandbox|disable-web-security|appendSwitch/],
  ['a certificate waved through', /certificate-error|rejectUnauthorized: false/],
  [
    'the remote module, or Node in the page',
    /enableRemoteModule|nodeIntegration: true|contextIsolation: false|webviewTag: true/,
  ],
])('nowhere is %s', (_what, pattern) => {
  expect(filesWith(pattern)).toEqual([])
})
