#!/usr/bin/env node
// Asks a running Matrix homeserver which endpoints of the specification it
// serves, and checks the rules that hold for all of them. Every probe is meant
// to change nothing: unknown rooms, users, devices and media, empty or invalid
// bodies; endpoints that act without further input are asked only without a
// valid token. Run it against a test server with rate limiting off.
//
//   node spec-coverage.mjs BASE_URL --access-token T [options]   (see --help)
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = path.dirname(fileURLToPath(import.meta.url))
const HELP = `usage: spec-coverage.mjs BASE_URL --access-token T [options]

  --access-token T   token of an ordinary (non-admin, throw-away) user
  --as-token T       token of an application service, for its two endpoints
  --federation       also ask the server-server endpoints
  --fed-url URL      where federation is served, if not at BASE_URL
  --min N            be content with N routed endpoints instead of all
  --only TEXT        only endpoints whose module, id or path contains TEXT
  --no-deprecated    leave deprecated endpoints out
  --no-schema        do not check bodies against the schemas (needs ajv)
  --strict           advisory findings count as failures too
  --json             print one JSON document instead of the table
  --verbose          print every finding, and every endpoint
  --timeout MS       per request (default 15000)
  --concurrency N    requests at a time (default 4)
  --allow-remote     permit a BASE_URL that is not on this machine
  --spec-dir DIR     where the bundles are (default test/fixtures/spec)

Exit code: 0 when everything holds, 1 when something does not, 2 on bad usage.`

// ----------------------------------------------------------------- arguments
const opt = {
  timeout: 15000,
  concurrency: 4,
  specDir: path.resolve(HERE, '../../fixtures/spec'),
  schema: true,
  deprecated: true,
}
const positional = []
const fail = (msg) => {
  console.error(`${msg}\n\n${HELP}`)
  process.exit(2)
}
for (let i = 2; i < process.argv.length; i++) {
  const a = process.argv[i]
  const val = () => process.argv[++i] ?? fail(`${a} needs a value`)
  const num = () => {
    const n = Number(val())
    return Number.isInteger(n) && n >= 0 ? n : fail(`${a} needs a whole number`)
  }
  if (a === '--access-token') opt.token = val()
  else if (a === '--as-token') opt.asToken = val()
  else if (a === '--federation') opt.federation = true
  else if (a === '--fed-url') opt.fedUrl = val()
  else if (a === '--min') opt.min = num()
  else if (a === '--only') opt.only = val().toLowerCase()
  else if (a === '--no-deprecated') opt.deprecated = false
  else if (a === '--no-schema') opt.schema = false
  else if (a === '--strict') opt.strict = true
  else if (a === '--json') opt.json = true
  else if (a === '--verbose') opt.verbose = true
  else if (a === '--timeout') opt.timeout = num()
  else if (a === '--concurrency') opt.concurrency = Math.max(1, num())
  else if (a === '--allow-remote') opt.remote = true
  else if (a === '--spec-dir') opt.specDir = path.resolve(val())
  else if (a === '--help' || a === '-h') {
    console.log(HELP)
    process.exit(0)
  } else if (a.startsWith('--')) fail(`unknown option ${a}`)
  else positional.push(a)
}
if (positional.length !== 1) fail('one BASE_URL is needed')
if (!opt.token) fail('--access-token is needed')
const baseOf = (u) => {
  let url
  try {
    url = new URL(u)
  } catch {
    fail(`not a URL: ${u}`)
  }
  if (!/^https?:$/.test(url.protocol)) fail(`not an http(s) URL: ${u}`)
  const h = url.hostname.replace(/^\[|\]$/g, '')
  if (!opt.remote && !/^(localhost|127(\.\d+){3}|::1)$/.test(h) && !h.endsWith('.localhost'))
    fail(`${h} is not this machine; give --allow-remote if the server is a test server of yours`)
  return url.href.replace(/\/+$/, '')
}
const BASE = baseOf(positional[0])
const FED = opt.fedUrl ? baseOf(opt.fedUrl) : BASE

// --------------------------------------------------------------- the bundles
const bundle = (name) => JSON.parse(fs.readFileSync(path.join(opt.specDir, `${name}.json`), 'utf8'))
const csDoc = bundle('client-server')
const clientEndpoints = csDoc.endpoints
const fedEndpoints = opt.federation ? bundle('server-server').endpoints : []
let validator = null
let schemaNote = null
if (opt.schema) {
  try {
    const { SpecValidator } = await import('./spec-validate.mjs')
    validator = new SpecValidator({ specDir: opt.specDir })
  } catch (e) {
    fail(`cannot check bodies against the schemas (--no-schema leaves that out): ${e.message.split('\n')[0]}`)
  }
} else schemaNote = 'bodies not checked against the schemas (--no-schema)'

// Served elsewhere (often by the web site of the domain), or open to refusal
// with the very answer that an unknown endpoint gives.
const OPTIONAL = {
  'cs:getWellknown': 'often served by the web site of the domain',
  'cs:getWellknownSupport': 'often served by the web site of the domain',
  'cs:getWellknownPolicy': 'only for policy servers',
  'ss:getWellKnown': 'often served by the web site of the domain',
  'cs:getAuthMetadata': 'M_UNRECOGNIZED says that there is no OAuth 2.0 API',
  'cs:getLoginFlows': 'M_UNRECOGNIZED says that there is no legacy API',
  'ss:askPolicyServerToSign': 'only for policy servers',
}
const isOptional = (e) =>
  e.id in OPTIONAL || e.path.startsWith('/.well-known/') || e.path.startsWith('/_matrix/policy/')

// With a valid token these would act, or would make something, on their own.
const NEVER_WITH_TOKEN = new Set([
  'cs:logout',
  'cs:logout_all',
  'cs:deactivateAccount',
  'cs:changePassword',
  'cs:uploadContent',
  'cs:createContent',
  'cs:generateLoginToken',
])

// Bodies that a server must refuse, where an empty object would be accepted.
const BODY = {
  'cs:createRoom': { room_version: 'spec-coverage-no-such-version' },
  'cs:sendToDevice': { messages: {} },
  'cs:postRoomKeysVersion': { algorithm: 'spec-coverage.invalid' },
}
const QUERY = {
  'cs:sync': { timeout: '0', filter: JSON.stringify({ room: { rooms: [] } }) },
  'cs:getEvents': { timeout: '0' },
  'cs:peekEvents': { timeout: '0' },
  'cs:initialSync': { limit: '1' },
}

// ------------------------------------------------------------------- requests
let requests = 0
async function send(base, method, target, { headers = {}, body } = {}) {
  for (let attempt = 0; ; attempt++) {
    requests++
    let res
    try {
      res = await fetch(base + target, {
        method,
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(opt.timeout),
      })
    } catch (e) {
      return {
        method,
        target,
        status: 0,
        headers: new Headers(),
        error: e.name === 'TimeoutError' ? `no answer in ${opt.timeout} ms` : (e.cause?.message ?? e.message),
      }
    }
    const text = await res.text().catch(() => '')
    if (res.status === 429 && attempt < 6) {
      let wait = Number(res.headers.get('retry-after')) * 1000
      if (!(wait > 0)) {
        try {
          wait = JSON.parse(text).retry_after_ms
        } catch {
          /* no JSON */
        }
      }
      await new Promise((r) => setTimeout(r, Math.min(wait > 0 ? wait : 500, 5000)))
      continue
    }
    let json
    try {
      json = text === '' ? undefined : JSON.parse(text)
    } catch {
      json = undefined
    }
    return { method, target, status: res.status, headers: res.headers, text, json, isJson: json !== undefined }
  }
}
const isObj = (x) => x !== null && typeof x === 'object' && !Array.isArray(x)
const brief = (r) =>
  r.status === 0
    ? r.error
    : `${r.status}${isObj(r.json) && typeof r.json.errcode === 'string' ? ` ${r.json.errcode}` : r.isJson ? ' (no errcode)' : r.text ? ' (not JSON)' : ' (empty)'}`
const errcode = (r) => (isObj(r.json) && typeof r.json.errcode === 'string' ? r.json.errcode : null)
const unrecognized = (r) => (r.status === 404 || r.status === 405) && errcode(r) === 'M_UNRECOGNIZED'
// A 404 or 405 without an error code comes from a web framework, not from an endpoint.
const foreign = (r) => (r.status === 404 || r.status === 405) && errcode(r) === null
const answers = (r) => r.status !== 0 && !unrecognized(r) && !foreign(r)

/** What is wrong with the form of an error answer, or null. */
function errorShape(r) {
  if (r.status < 400) return null
  if (!r.isJson) return `${r.status} without a JSON body`
  const ct = r.headers.get('content-type') ?? ''
  if (!/^application\/json\b/i.test(ct)) return `${r.status} with Content-Type "${ct}"`
  if (r.status === 401 && isObj(r.json) && Array.isArray(r.json.flows)) return null
  if (!isObj(r.json) || typeof r.json.errcode !== 'string') return `${r.status} without a string errcode`
  if (!/^(M|[A-Z0-9][A-Z0-9.-]*)_[A-Z0-9_]+$/.test(r.json.errcode))
    return `${r.status} with malformed errcode "${r.json.errcode}"`
  if (typeof r.json.error !== 'string') return `${r.status} ${r.json.errcode} without a string error`
  return null
}

// ---------------------------------------------------------------- the probes
let serverName = 'spec-coverage.invalid'
const fill = () => ({
  userId: `@spec-coverage-unknown:${serverName}`,
  roomId: `!speccoverageunknown:${serverName}`,
  roomIdOrAlias: `!speccoverageunknown:${serverName}`,
  roomAlias: `#spec-coverage-unknown:${serverName}`,
  eventId: '$spec-coverage-unknown',
  eventType: 'org.example.spec_coverage',
  stateKey: 'spec-coverage',
  type: 'org.example.spec_coverage',
  txnId: `spec-coverage-${process.pid}-${Date.now()}`,
  relType: 'm.reference',
  serverName,
  mediaId: 'speccoverageunknown',
  fileName: 'x',
  version: '999999999',
  kind: 'override',
  ruleId: 'spec-coverage-unknown',
  deviceId: 'SPECCOVERAGE',
  keyName: 'displayname',
  filterId: '999999999',
  tag: 'u.spec_coverage',
  protocol: 'spec-coverage-unknown',
  networkId: 'spec-coverage-unknown',
  appserviceId: 'spec-coverage-unknown',
  receiptType: 'm.read',
  idpId: 'spec-coverage-unknown',
  sessionId: 'spec-coverage',
  queryType: 'profile',
})
const queryFill = () => ({
  version: '999999999',
  dir: 'b',
  ts: '0',
  width: '1',
  height: '1',
  limit: '1',
  ver: '11',
  user_id: fill().userId,
  userid: fill().userId,
  room_id: fill().roomId,
  room_alias: fill().roomAlias,
  alias: fill().roomAlias,
  event_id: fill().eventId,
  v: fill().eventId,
})
function targetOf(e) {
  const f = fill()
  const p = e.path.replace(/\{(\w+)\}/g, (_, n) => encodeURIComponent(f[n] ?? 'spec-coverage-unknown'))
  const q = new URLSearchParams()
  const qf = queryFill()
  for (const prm of e.parameters)
    if (prm.in === 'query' && prm.required) q.append(prm.name, qf[prm.name] ?? 'spec-coverage')
  for (const [k, v] of Object.entries(QUERY[e.id] ?? {})) q.set(k, v)
  return p + (q.size ? `?${q}` : '')
}
function bodyOf(e) {
  if (!['POST', 'PUT'].includes(e.method)) return {}
  const types = Object.keys(e.requestBody?.content ?? {})
  if (e.requestBody && !types.includes('application/json'))
    return { headers: { 'Content-Type': 'application/octet-stream' }, body: '' }
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(BODY[e.id] ?? {}) }
}
const withAuth = (rq, value) => ({
  ...rq,
  headers: { ...(rq.headers ?? {}), ...(value ? { Authorization: value } : {}) },
})
const BAD_TOKEN = `spec-coverage-bad-token-${process.pid}`
const BAD_XMATRIX =
  'X-Matrix origin="spec-coverage.invalid",destination="wrong.spec-coverage.invalid",key="ed25519:x",sig="c3BlYyBjb3ZlcmFnZQ"'

async function pool(items, worker) {
  const queue = [...items]
  await Promise.all(
    Array.from({ length: opt.concurrency }, async () => {
      while (queue.length) await worker(queue.shift())
    }),
  )
}

// Paths for which several endpoints differ only by method are tried once.
const allDocs = [...clientEndpoints, ...(opt.federation ? fedEndpoints : bundle('server-server').endpoints)]
const templates = allDocs.map((e) => ({
  method: e.method,
  re: new RegExp(
    `^${e.path
      .split('/')
      .map((s) => (/^\{.*\}$/.test(s) ? '[^/]+' : s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
      .join('/')}$`,
  ),
}))
const methodsAt = (pathname) => new Set(templates.filter((t) => t.re.test(pathname)).map((t) => t.method))

const wanted = (e) =>
  !e.sameRouteAs &&
  (opt.deprecated || !e.deprecated) &&
  (!opt.only || [e.module, e.id, e.path].some((s) => s.toLowerCase().includes(opt.only)))
const rows = []

const authBeforeRouting = { client: false, federation: false }

async function probe(e, area) {
  const base = area === 'federation' ? FED : BASE
  const target = targetOf(e)
  const pathname = target.split('?')[0]
  const rq = bodyOf(e)
  const row = {
    id: e.id,
    api: area,
    method: e.method,
    path: e.path,
    module: e.module,
    auth: e.auth,
    optional: isOptional(e),
    deprecated: e.deprecated,
    routed: false,
    declined: false,
    checks: { auth: null, cors: null, method: null, shape: null, schema: null },
    problems: [],
    advice: [],
    seen: {},
  }
  rows.push(row)
  const note = (kind, ok, msg) => {
    if (ok) row.checks[kind] ??= true
    else {
      row.checks[kind] = false
      row.problems.push(`${kind}: ${msg}`)
    }
  }
  const isClient = area === 'client'
  const seen = []
  const look = (label, r) => {
    row.seen[label] = brief(r)
    seen.push([label, r])
    return r
  }

  // Without credentials.
  const anon = look('no token', await send(base, e.method, target, rq))
  let best = anon
  // With credentials that nobody has.
  let bad = null
  if (e.auth === 'accessToken')
    bad = look('bad token', await send(base, e.method, target, withAuth(rq, `Bearer ${BAD_TOKEN}`)))
  if (e.auth === 'signed') bad = look('bad signature', await send(base, e.method, target, withAuth(rq, BAD_XMATRIX)))
  // With a valid token, where that changes nothing.
  let good = null
  if (isClient && ['accessToken', 'optional'].includes(e.auth) && !NEVER_WITH_TOKEN.has(e.id)) {
    const token = e.tokenKind === 'appservice' ? (opt.asToken ?? opt.token) : opt.token
    good = look('valid token', await send(base, e.method, target, withAuth(rq, `Bearer ${token}`)))
    best = good
  }

  const unproven = !good && e.auth !== 'none' && authBeforeRouting[area] && anon.status === 401
  row.routed = answers(best) && !unproven
  if (unproven) row.advice.push('cannot tell: this server asks for a token before it looks for the endpoint')
  const silent = seen.find(([, r]) => r.status === 0)
  if (silent) row.problems.push(`no answer (${silent[0]}): ${silent[1].error}`)

  // The methods that the specification does not have here. PATCH it never has.
  const known = methodsAt(pathname)
  const other = ['GET', 'POST', 'PUT', 'DELETE'].find((m) => !known.has(m))
  const wrong = []
  for (const m of ['PATCH', ...(other ? [other] : [])]) {
    const r = await send(
      base,
      m,
      pathname,
      m === 'GET' || m === 'DELETE' ? {} : { headers: { 'Content-Type': 'application/json' }, body: '{}' },
    )
    row.seen[`wrong method ${m}`] = brief(r)
    wrong.push([m, r])
    seen.push([`wrong method ${m}`, r])
  }
  // "Not supported" looks like "not there", but then the path is still known.
  if (
    !row.routed &&
    row.optional &&
    unrecognized(best) &&
    best.status === 404 &&
    e.responses['404'] &&
    wrong.every(([, r]) => r.status === 405 && errcode(r) === 'M_UNRECOGNIZED')
  )
    row.declined = true
  if (!row.routed) return

  const wellKnown = e.path.startsWith('/.well-known/')
  if (!wellKnown)
    for (const [m, r] of wrong)
      note(
        'method',
        r.status === 405 && errcode(r) === 'M_UNRECOGNIZED',
        `${m} should give 405 M_UNRECOGNIZED, gave ${brief(r)}`,
      )

  if (e.auth === 'accessToken') {
    note(
      'auth',
      anon.status === 401 && errcode(anon) === 'M_MISSING_TOKEN',
      `without a token should give 401 M_MISSING_TOKEN, gave ${brief(anon)}`,
    )
    note(
      'auth',
      bad.status === 401 && errcode(bad) === 'M_UNKNOWN_TOKEN',
      `with a bad token should give 401 M_UNKNOWN_TOKEN, gave ${brief(bad)}`,
    )
    if (good)
      note(
        'auth',
        !['M_MISSING_TOKEN', 'M_UNKNOWN_TOKEN'].includes(errcode(good)),
        `the valid token was refused: ${brief(good)}`,
      )
  } else if (e.auth === 'signed') {
    note('auth', anon.status === 401, `without a signature should give 401, gave ${brief(anon)}`)
    note('auth', bad.status === 401, `with another destination's signature should give 401, gave ${brief(bad)}`)
  } else if (e.auth === 'none') {
    note(
      'auth',
      !['M_MISSING_TOKEN', 'M_UNKNOWN_TOKEN'].includes(errcode(anon)),
      `needs no token, yet gave ${brief(anon)}`,
    )
  }

  for (const [label, r] of seen) {
    if (r.status === 0 || (wellKnown && r.status >= 400)) continue
    const bad2 = errorShape(r)
    note('shape', !bad2, `${label}: ${bad2}`)
    if (r.status >= 500 && r.status !== 502 && r.status !== 504)
      row.problems.push(`server error (${label}): ${brief(r)}`)
    if (r.status < 400 && r.isJson && !/^application\/json\b/i.test(r.headers.get('content-type') ?? ''))
      note('shape', false, `${label}: JSON with Content-Type "${r.headers.get('content-type') ?? ''}"`)
  }

  if (isClient) {
    for (const [label, r] of seen)
      if (r.status !== 0 && !(wellKnown && r.status >= 400))
        note('cors', !!r.headers.get('access-control-allow-origin'), `${label}: no Access-Control-Allow-Origin`)
    const pre = await send(base, 'OPTIONS', pathname, {
      headers: {
        Origin: 'https://client.example',
        'Access-Control-Request-Method': e.method,
        'Access-Control-Request-Headers': 'authorization,content-type',
      },
    })
    row.seen.preflight = pre.status === 0 ? pre.error : String(pre.status)
    const list = (h) =>
      (pre.headers.get(h) ?? '')
        .toLowerCase()
        .split(',')
        .map((s) => s.trim())
        .filter(Boolean)
    const has = (h, v) => list(h).includes('*') || list(h).includes(v.toLowerCase())
    note('cors', pre.status >= 200 && pre.status < 300, `OPTIONS should succeed, gave ${brief(pre)}`)
    note('cors', !!pre.headers.get('access-control-allow-origin'), 'OPTIONS: no Access-Control-Allow-Origin')
    note(
      'cors',
      has('access-control-allow-methods', e.method),
      `OPTIONS: Access-Control-Allow-Methods lacks ${e.method}`,
    )
    for (const h of ['Authorization', 'Content-Type'])
      note(
        'cors',
        list('access-control-allow-headers').includes(h.toLowerCase()) ||
          (h !== 'Authorization' && has('access-control-allow-headers', h)),
        `OPTIONS: Access-Control-Allow-Headers lacks ${h}`,
      )
    if (!has('access-control-allow-headers', 'X-Requested-With'))
      row.advice.push('OPTIONS: Access-Control-Allow-Headers lacks X-Requested-With')
  }

  if (validator && best.status < 400) {
    const r = validator.validateResponse(e, best.status, best.json)
    const declaredJson = e.responses[String(best.status)]
    if (declaredJson || !(String(best.status) in e.responses))
      note('schema', r.ok, `${best.status}: ${r.errors.slice(0, 3).join('; ')}`)
  } else if (validator && best.status === 401 && isObj(best.json) && Array.isArray(best.json.flows)) {
    const r = validator.validateResponse(e, 401, best.json)
    note('schema', r.ok, `401: ${r.errors.slice(0, 3).join('; ')}`)
  }

  // Not demanded at a fixed place in the order of checks, so only an advice.
  if (e.requestBody?.required && e.requestBody.content['application/json'] && (e.auth === 'none' || good)) {
    const r = await send(
      base,
      e.method,
      target,
      withAuth(
        { headers: { 'Content-Type': 'application/json' }, body: '{"spec-coverage":' },
        good ? `Bearer ${opt.token}` : null,
      ),
    )
    row.seen['malformed JSON'] = brief(r)
    if (!(r.status === 400 && errcode(r) === 'M_NOT_JSON'))
      row.advice.push(`malformed JSON should give 400 M_NOT_JSON, gave ${brief(r)}`)
  }
}

// ---------------------------------------------------------- unknown endpoints
const unknownProblems = []
let unknownChecks = 0
async function probeUnknown(area) {
  const base = area === 'federation' ? FED : BASE
  const paths =
    area === 'federation'
      ? [
          '/_matrix/federation/v1/spec_coverage_unknown',
          '/_matrix/federation/v99/version',
          '/_matrix/federation/v1/state/!x:y/spec_coverage_unknown',
          '/_matrix/key/v2/spec_coverage_unknown',
          '/_matrix/key/v99/server',
        ]
      : [
          '/_matrix/client/v3/spec_coverage_unknown',
          '/_matrix/client/v1/spec_coverage_unknown',
          '/_matrix/client/v99/sync',
          '/_matrix/client/spec_coverage_unknown',
          '/_matrix/client/v3/rooms/!x:y/spec_coverage_unknown',
          '/_matrix/client/v3/account/whoami/spec_coverage_unknown',
          '/_matrix/media/v3/spec_coverage_unknown',
          '/_matrix/client/v1/media/spec_coverage_unknown',
          '/_matrix/spec_coverage_unknown',
        ]
  for (const p of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      for (const auth of area === 'federation' ? [null] : [null, `Bearer ${opt.token}`]) {
        const rq = ['POST', 'PUT'].includes(method)
          ? { headers: { 'Content-Type': 'application/json' }, body: '{}' }
          : {}
        const r = await send(base, method, p, withAuth(rq, auth))
        unknownChecks++
        const where = `${method} ${p} ${auth ? 'with' : 'without'} a token`
        if (r.status === 401 && !auth) authBeforeRouting[area] = true
        if (!(r.status === 404 && errcode(r) === 'M_UNRECOGNIZED'))
          unknownProblems.push(`${where}: should give 404 M_UNRECOGNIZED, gave ${brief(r)}`)
        else {
          const s = errorShape(r)
          if (s) unknownProblems.push(`${where}: ${s}`)
          if (area === 'client' && !r.headers.get('access-control-allow-origin'))
            unknownProblems.push(`${where}: no Access-Control-Allow-Origin`)
        }
      }
    }
  }
}

// ------------------------------------------------------------------------ run
const general = []
const who = await send(BASE, 'GET', '/_matrix/client/v3/account/whoami', withAuth({}, `Bearer ${opt.token}`))
if (who.status === 0) {
  console.error(`cannot reach ${BASE}: ${who.error}`)
  process.exit(1)
}
if (who.status === 200 && typeof who.json?.user_id === 'string')
  serverName = who.json.user_id.slice(who.json.user_id.indexOf(':') + 1)
else
  general.push(
    `GET /_matrix/client/v3/account/whoami with the given token should give 200 with user_id, gave ${brief(who)}`,
  )

if (![...clientEndpoints, ...fedEndpoints].some(wanted)) fail(`no endpoint matches --only ${opt.only}`)
/** What the probes must leave as it was. */
const traces = async () => {
  const [rooms, devices, keys] = await Promise.all(
    ['/_matrix/client/v3/joined_rooms', '/_matrix/client/v3/devices', '/_matrix/client/v3/room_keys/version'].map((p) =>
      send(BASE, 'GET', p, withAuth({}, `Bearer ${opt.token}`)),
    ),
  )
  return {
    rooms:
      rooms.status === 200 && Array.isArray(rooms.json?.joined_rooms)
        ? [...rooms.json.joined_rooms].sort().join(' ')
        : null,
    devices:
      devices.status === 200 && Array.isArray(devices.json?.devices)
        ? devices.json.devices
            .map((d) => d.device_id)
            .sort()
            .join(' ')
        : null,
    'key backup': [200, 404].includes(keys.status) ? String(keys.json?.version ?? 'none') : null,
  }
}
const before = await traces()
await probeUnknown('client')
await pool(clientEndpoints.filter(wanted), (e) => probe(e, 'client'))
if (opt.federation) {
  await probeUnknown('federation')
  await pool(fedEndpoints.filter(wanted), (e) => probe(e, 'federation'))
}
// The token must have outlived all of this, or the probes were not harmless.
const after = await send(BASE, 'GET', '/_matrix/client/v3/account/whoami', withAuth({}, `Bearer ${opt.token}`))
if (who.status === 200 && after.status !== 200)
  general.push(`the access token no longer works after the probes: ${brief(after)}`)
const left = await traces()
for (const k of Object.keys(before))
  if (before[k] !== null && left[k] !== null && before[k] !== left[k])
    general.push(
      `a probe that should change nothing changed the ${k} of the user: "${before[k].slice(0, 80)}" became "${left[k].slice(0, 80)}"`,
    )
const login = rows.find((r) => r.id === 'cs:getLoginFlows')
const oauth = rows.find((r) => r.id === 'cs:getAuthMetadata')
if (login && oauth && !login.routed && !oauth.routed)
  general.push('neither GET /login nor GET /auth_metadata is supported: clients cannot log in')

// --------------------------------------------------------------------- report
const order = new Map([...clientEndpoints, ...fedEndpoints].map((e, i) => [e.id, i]))
rows.sort((a, b) => order.get(a.id) - order.get(b.id))
const required = rows.filter((r) => !r.optional)
const routedRequired = required.filter((r) => r.routed).length
const routedAll = rows.filter((r) => r.routed).length
const need = opt.min ?? required.length
const have = opt.min === undefined ? routedRequired : routedAll
const problemRows = rows.filter((r) => r.problems.length)
const advice = rows.reduce((n, r) => n + r.advice.length, 0)
const enough = have >= need
const ok = enough && !problemRows.length && !unknownProblems.length && !general.length && !(opt.strict && advice)

const modules = []
for (const r of rows) {
  const name = `${r.api === 'federation' ? 'S-S: ' : ''}${r.module}`
  let m = modules.find((x) => x.module === name)
  if (!m) {
    m = {
      module: name,
      endpoints: 0,
      routed: 0,
      missing: 0,
      optionalMissing: 0,
      auth: [0, 0],
      cors: [0, 0],
      method: [0, 0],
      shape: [0, 0],
      schema: [0, 0],
      problems: 0,
    }
    modules.push(m)
  }
  m.endpoints++
  if (r.routed) m.routed++
  else if (r.optional) m.optionalMissing++
  else m.missing++
  for (const k of ['auth', 'cors', 'method', 'shape', 'schema'])
    if (r.checks[k] !== null) {
      m[k][1]++
      if (r.checks[k]) m[k][0]++
    }
  m.problems += r.problems.length
}
modules.sort((a, b) => a.module.localeCompare(b.module))

if (opt.json) {
  console.log(
    JSON.stringify(
      {
        ok,
        spec: csDoc.basedOnRelease,
        base: BASE,
        requests,
        schemaNote,
        totals: {
          endpoints: rows.length,
          required: required.length,
          routed: routedAll,
          routedRequired,
          need,
          enough,
          withProblems: problemRows.length,
          unknownChecks,
          unknownProblems: unknownProblems.length,
          advice,
        },
        general,
        unknownProblems,
        modules,
        endpoints: rows,
      },
      null,
      1,
    ),
  )
} else {
  const frac = ([a, b]) => (b === 0 ? '-' : a === b ? `${a}` : `${a}/${b}!`)
  const head = ['module', 'endpoints', 'routed', 'missing', 'auth', 'cors', '405', 'errors', 'schema', 'problems']
  const lines = modules.map((m) =>
    [
      m.module,
      m.endpoints,
      m.routed,
      m.missing ? `${m.missing}!` : m.optionalMissing ? `(${m.optionalMissing})` : 0,
      frac(m.auth),
      frac(m.cors),
      frac(m.method),
      frac(m.shape),
      frac(m.schema),
      m.problems,
    ].map(String),
  )
  const sum = (k, i) => modules.reduce((n, m) => n + m[k][i], 0)
  lines.push(
    [
      'TOTAL',
      rows.length,
      routedAll,
      required.length - routedRequired,
      ...['auth', 'cors', 'method', 'shape', 'schema'].map((k) => `${sum(k, 0)}/${sum(k, 1)}`),
      problemRows.reduce((n, r) => n + r.problems.length, 0),
    ].map(String),
  )
  const width = head.map((h, i) => Math.max(h.length, ...lines.map((l) => l[i].length)))
  const fmt = (l) => l.map((c, i) => (i ? c.padStart(width[i]) : c.padEnd(width[i]))).join('  ')
  console.log(`Matrix ${csDoc.basedOnRelease}, ${BASE}, ${requests} requests`)
  console.log(fmt(head))
  console.log(width.map((w) => '-'.repeat(w)).join('  '))
  for (const l of lines) console.log(fmt(l))
  const list = (title, items, limit = 40) => {
    if (!items.length) return
    console.log(`\n${title} (${items.length}):`)
    for (const x of opt.verbose ? items : items.slice(0, limit)) console.log(`  ${x}`)
    if (!opt.verbose && items.length > limit) console.log(`  ... ${items.length - limit} more (--verbose shows all)`)
  }
  list(
    'Not routed',
    rows
      .filter((r) => !r.routed && !r.optional)
      .map(
        (r) =>
          `${r.method} ${r.path}  [${Object.entries(r.seen)
            .slice(0, 3)
            .map(([k, v]) => `${k}: ${v}`)
            .join('; ')}]`,
      ),
    200,
  )
  list(
    'Optional and not there',
    rows
      .filter((r) => !r.routed && r.optional)
      .map((r) => `${r.method} ${r.path}  (${OPTIONAL[r.id] ?? 'optional'})${r.declined ? ' declined' : ''}`),
  )
  list('General', general)
  list('Unknown endpoints', unknownProblems)
  list(
    'Problems',
    problemRows.flatMap((r) => r.problems.map((p) => `${r.method} ${r.path}: ${p}`)),
  )
  if (opt.verbose || opt.strict)
    list(
      'Advice',
      rows.flatMap((r) => r.advice.map((p) => `${r.method} ${r.path}: ${p}`)),
    )
  else if (advice) console.log(`\n${advice} advisory findings (--verbose shows them, --strict counts them)`)
  if (opt.verbose)
    list(
      'All endpoints',
      rows.map(
        (r) =>
          `${r.routed ? 'routed ' : 'MISSING'} ${r.method} ${r.path}  ${Object.entries(r.seen)
            .map(([k, v]) => `${k}: ${v}`)
            .join('; ')}`,
      ),
    )
  if (schemaNote) console.log(`\n${schemaNote}`)
  console.log(
    `\n${ok ? 'OK' : 'NOT OK'}: ${have} of ${need} needed endpoints routed (${rows.length} asked), ${problemRows.length} endpoints with problems, ${unknownChecks - unknownProblems.length}/${unknownChecks} unknown-endpoint checks hold${opt.strict ? `, ${advice} advisory findings` : ''}`,
  )
}
process.exitCode = ok ? 0 : 1
