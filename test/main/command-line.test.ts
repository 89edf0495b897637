/** The command line of `npm start`, of headless.js and of the packaged app. */
import { describe, expect, test } from 'vitest'
import { readCommandLine } from '../../main/command-line.js'

test('nothing given: a window, and the browser opens without one', () => {
  expect(readCommandLine([])).toEqual({
    headless: false,
    openBrowser: true,
    exitWithStdin: false,
    smoke: false,
    hidden: false,
    configPath: undefined,
    accept: [],
    options: {},
    rest: [],
  })
})

test('every option, with its value after a space or an equals sign', () => {
  const given = ['--headless', '--no-open', '--exit-with-stdin', '--config', 'a.json', '--data-dir=/d']
  given.push('--server-name', 'hearth.test:8448', '--client-port=0', 'matrix:u/ana:example.org')

  expect(readCommandLine(given)).toMatchObject({
    headless: true,
    openBrowser: false,
    exitWithStdin: true,
    configPath: 'a.json',
    options: { data_dir: '/d', server_name: 'hearth.test:8448', 'listeners.client.port': '0' },
    rest: ['matrix:u/ana:example.org'],
  })
})

describe('refused', () => {
  test.each([
    [['--headles'], 'Unknown option --headles; did you mean "--headless"?'],
    [['--zzzzzzzzzzzzzzzz'], 'Unknown option --zzzzzzzzzzzzzzzz.'],
    [['-h'], /^Unknown option -h/],
    [['--config'], '--config needs a value.'],
    [['--data-dir', '--headless'], '--data-dir needs a value.'],
    [['--client-port='], '--client-port needs a value.'],
    [['--headless=yes'], '--headless takes no value.'],
    [['serve'], 'Unexpected argument "serve".'],
    [['--__proto__'], /^Unknown option --__proto__/],
  ])('%j', (given, sentence) => {
    expect(() => readCommandLine(given)).toThrow(sentence)
  })
})

test('inside Electron, what Chromium and the system add passes', () => {
  const given = ['--inspect=0', '.', '--data-dir', '/d', '--no-sandbox', 'matrix:r/a:b.org']

  expect(readCommandLine(given, true)).toMatchObject({
    options: { data_dir: '/d' },
    rest: ['--inspect=0', '.', '--no-sandbox', 'matrix:r/a:b.org'],
  })
})
