/** Every decision of the desktop shell, branch by branch. */

import { resolve, sep } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  isAppUrl,
  isPagePath,
  isPermissionAllowed,
  isReloadWise,
  isTrustedSender,
  judgeAppRequest,
  judgeLink,
  linkIn,
  pathOfMatrixLink,
  restartDelayMs,
} from '../../main/policy.js'

describe('our URLs', () => {
  test.each(['app://local/', 'app://local', 'app://local/a?b#c', 'APP://local/'])('%s is ours', (url) => {
    expect(isAppUrl(url)).toBe(true)
  })

  test.each([
    'app://local.evil/',
    'app://localhost/',
    'app://local:80/',
    'app://local@evil/',
    'app://user:pass@local/',
    'app:local',
    'apps://local/',
    'https://local/',
    'file:///local/',
    'about:blank',
    'data:text/html,x',
    'javascript:1',
    '',
    'not a url',
  ])('%s is not', (url) => {
    expect(isAppUrl(url)).toBe(false)
  })
})

describe('links that want a window', () => {
  test.each([
    ['https://example.org/?q=1', { open: 'outside', url: 'https://example.org/?q=1' }],
    ['mailto:ana@example.org', { open: 'outside', url: 'mailto:ana@example.org' }],
    ['https://example.org/"x y', { open: 'outside', url: 'https://example.org/%22x%20y' }],
    ['matrix:u/ana:example.org', { open: 'inside', path: '/link/%40ana%3Aexample.org' }],
    ['matrix:nonsense', { open: 'never' }],
    ['http://example.org/', { open: 'never' }],
    ['file:///etc/passwd', { open: 'never' }],
    ['javascript:alert(1)', { open: 'never' }],
    ['smb://host/share', { open: 'never' }],
    ['ms-msdt:/id', { open: 'never' }],
    ['app://local/', { open: 'never' }],
    ['', { open: 'never' }],
  ])('%s', (url, verdict) => {
    expect(judgeLink(url)).toEqual(verdict)
  })
})

test('only our main frame has permissions, and never a device', () => {
  expect(isPermissionAllowed('notifications', 'app://local', true)).toBe(true)
  expect(isPermissionAllowed('media', 'app://local/', true)).toBe(true)
  expect(isPermissionAllowed('notifications', 'app://local', false)).toBe(false)
  expect(isPermissionAllowed('notifications', 'app://local.evil', true)).toBe(false)
  for (const permission of ['geolocation', 'midi', 'hid', 'usb', 'serial', 'clipboard-read', 'window-management'])
    expect(isPermissionAllowed(permission, 'app://local', true)).toBe(false)
})

test('only the main frame at our URL is trusted', () => {
  const main = { url: 'app://local/' }
  expect(isTrustedSender(main, main)).toBe(true)
  expect(isTrustedSender({ url: 'app://local/' }, main)).toBe(false)
  expect(isTrustedSender(null, null)).toBe(false)
  const elsewhere = { url: 'https://example.org/' }
  expect(isTrustedSender(elsewhere, elsewhere)).toBe(false)
})

describe('requests to app://', () => {
  test.each(['/_matrix/client/versions', '/_hearth/x', '/_synapse/admin/v1/register', '/.well-known/matrix/client'])(
    '%s goes to the server, with any method',
    (path) => {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
        expect(judgeAppRequest(method, `app://local${path}`)).toEqual({ by: 'server' })
    },
  )

  test('files are read, the root is the page', () => {
    expect(judgeAppRequest('GET', 'app://local/')).toEqual({ by: 'file', segments: ['index.html'] })
    expect(judgeAppRequest('HEAD', 'app://local/assets/a%20b.js?v=1')).toEqual({
      by: 'file',
      segments: ['assets', 'a b.js'],
    })
    expect(judgeAppRequest('POST', 'app://local/a.js')).toEqual({ by: 'nobody', status: 405 })
    expect(judgeAppRequest('GET', 'app://other/a.js')).toEqual({ by: 'nobody', status: 404 })
  })

  test('no path whatever leaves the folder', () => {
    const root = resolve('/srv/page')
    const hostile = fc.array(
      fc.constantFrom(
        '..',
        '%2e%2e',
        '%2E.',
        '.',
        '%2f',
        '%5c',
        '\\',
        '%00',
        '//',
        'a',
        'C:',
        '%',
        '%c0%ae',
        'file:',
        '~',
        '%252e',
      ),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(hostile, fc.constantFrom('/', ''), (parts, joiner) => {
        const verdict = judgeAppRequest('GET', `app://local/${parts.join(joiner)}`)
        if (verdict.by === 'file') expect(resolve(root, ...verdict.segments).startsWith(root + sep)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('matrix: links', () => {
  test.each([
    ['matrix:u/ana:example.org', '/link/%40ana%3Aexample.org'],
    ['matrix:u/ana:example.org?action=chat', '/link/%40ana%3Aexample.org?action=chat'],
    ['matrix:r/hearth:example.org', '/link/%23hearth%3Aexample.org'],
    [
      'matrix:roomid/abc:example.org?via=a.org&via=b.org&action=join',
      '/link/!abc%3Aexample.org?via=a.org&via=b.org&action=join',
    ],
    ['matrix:roomid/abc:example.org/e/xyz', '/link/!abc%3Aexample.org/%24xyz'],
    ['matrix:r/some%2Froom:example.org', '/link/%23some%2Froom%3Aexample.org'],
    ['matrix:u/ana:example.org?via=not%20a%20server&action=format', '/link/%40ana%3Aexample.org'],
  ])('%s', (link, path) => {
    expect(pathOfMatrixLink(link)).toBe(path)
    expect(isPagePath(path)).toBe(true)
  })

  test.each([
    'matrix:',
    'matrix:u/',
    'matrix:u/ana',
    'matrix:x/ana:example.org',
    'matrix:toString/ana:example.org',
    'matrix:u/ana:example.org/e/xyz',
    'matrix:roomid/abc:example.org/e/',
    'matrix:roomid/abc:example.org/e/x/more',
    'matrix:roomid/abc:example.org/f/x',
    'matrix://authority/u/ana:example.org',
    'matrix:u/%E0%A4%A:example.org',
    'https://matrix.to/#/@ana:example.org',
    `matrix:u/${'a'.repeat(3000)}:example.org`,
  ])('%s is none', (link) => {
    expect(pathOfMatrixLink(link)).toBeUndefined()
  })

  test('whatever the link, the path stays a path of the page', () => {
    fc.assert(
      fc.property(fc.webFragments(), fc.constantFrom('u', 'r', 'roomid'), (text, kind) => {
        const path = pathOfMatrixLink(`matrix:${kind}/${text}:example.org`)
        if (path !== undefined) expect(isPagePath(path)).toBe(true)
      }),
    )
  })

  test('the first one among arguments counts', () => {
    expect(linkIn(['hearth', '--x', 'matrix:bad', 'matrix:u/a:b.org', 'matrix:u/c:d.org'])).toBe('/link/%40a%3Ab.org')
    expect(linkIn(['hearth'])).toBeUndefined()
  })
})

test('paths of the page name no host and hold no spaces', () => {
  for (const path of ['/', '/room/!a:b?x=1', '/link/%40a']) expect(isPagePath(path)).toBe(true)
  for (const path of ['', 'room', '//evil', '/\\evil', '/a b', '/ä', `/${'a'.repeat(3000)}`, 5, null])
    expect(isPagePath(path)).toBe(false)
})

test('a page may crash three times in a minute', () => {
  expect(isReloadWise([0, 1, 2], 3)).toBe(true)
  expect(isReloadWise([0, 1, 2, 3], 3)).toBe(false)
  expect(isReloadWise([0, 1, 2, 70_000], 70_000)).toBe(true)
})

test('a server that dies is started again after 1 s, 2 s, 4 s, at most 30 s', () => {
  expect([0, 1, 2, 10].map(restartDelayMs)).toEqual([1_000, 2_000, 4_000, 30_000])
})
