// Validates HTTP responses against the specification's schemas in test/fixtures/spec.
import fs from 'node:fs'
import path from 'node:path'
import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

const DEFAULT_SPEC_DIR = path.resolve(import.meta.dirname, '../../fixtures/spec')

// ---------------------------------------------------------------- formats
const bytes = (s) => Buffer.byteLength(s, 'utf8')
function isServerName(s) {
  const m =
    /^(?:(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})|(\[[0-9A-Fa-f:.]{2,45}\])|([0-9A-Za-z.-]{1,255}))(?::(\d{1,5}))?$/.exec(
      s,
    )
  if (!m) return false
  return m[1] === undefined || [m[1], m[2], m[3], m[4]].every((n) => Number(n) <= 255)
}
const sigil = (c, needDomain) => (s) => {
  if (s[0] !== c || bytes(s) > 255 || s.includes('\0')) return false
  const i = s.indexOf(':')
  if (i < 0) return !needDomain && s.length > 1
  return isServerName(s.slice(i + 1))
}
const formats = {
  // Historical localparts may hold anything but ':' and NUL, or be empty.
  'mx-user-id': sigil('@', true),
  'mx-room-alias': sigil('#', true),
  // Room versions 12 and later have no domain part.
  'mx-room-id': sigil('!', false),
  'mx-event-id': sigil('$', false),
  'mx-server-name': isServerName,
  'mx-mxc-uri': (s) => {
    const m = /^mxc:\/\/([^/]+)\/([A-Za-z0-9_-]+)$/.exec(s)
    return !!m && isServerName(m[1])
  },
  'mx-unpadded-base64': (s) => /^[A-Za-z0-9+/]*$/.test(s) && s.length % 4 !== 1,
  'mx-urlsafe-unpadded-base64': (s) => /^[A-Za-z0-9_-]*$/.test(s) && s.length % 4 !== 1,
}

/** An Ajv for JSON Schema 2020-12 that knows the specification's string formats. */
function newAjv(options = {}) {
  const ajv = new Ajv.default({ allErrors: true, strict: false, allowUnionTypes: true, ...options })
  addFormats.default(ajv)
  for (const [name, validate] of Object.entries(formats)) ajv.addFormat(name, { type: 'string', validate })
  return ajv
}

// --------------------------------------------------------------- constants
const API_FILES = ['client-server', 'server-server']
const STANDARD_ERROR = {
  type: 'object',
  required: ['errcode', 'error'],
  properties: {
    // A namespace in capitals, one underscore, then the code.
    errcode: { type: 'string', pattern: '^(M|[A-Z0-9][A-Z0-9.-]*)_[A-Z0-9_]+$' },
    error: { type: 'string' },
    retry_after_ms: { type: 'integer', minimum: 0 },
    soft_logout: { type: 'boolean' },
  },
  // Two codes have members that must be there.
  // biome-ignore-start lint/suspicious/noThenProperty: a keyword of JSON Schema
  allOf: [
    { if: { properties: { errcode: { const: 'M_RESOURCE_LIMIT_EXCEEDED' } } }, then: { required: ['admin_contact'] } },
    {
      if: { properties: { errcode: { const: 'M_USER_LIMIT_EXCEEDED' } } },
      then: { required: ['info_uri'], properties: { info_uri: { type: 'string' }, can_upgrade: { type: 'boolean' } } },
    },
  ],
  // biome-ignore-end lint/suspicious/noThenProperty: a keyword of JSON Schema
}

/** Turns a path template into a matcher. An empty state key may lose its slash. */
function compilePath(template) {
  const segs = template.split('/').slice(1)
  const params = []
  let literal = 0
  const parts = segs.map((seg, i) => {
    const m = /^\{(\w+)\}$/.exec(seg)
    if (!m) {
      literal++
      return `/${seg.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`
    }
    params.push(m[1])
    return m[1] === 'stateKey' && i === segs.length - 1 ? '(?:/([^/]*))?' : '/([^/]+)'
  })
  return { re: new RegExp(`^${parts.join('')}$`), params, literal, segments: segs.length }
}

// ---------------------------------------------------------------- the class
export class SpecValidator {
  constructor({ specDir = DEFAULT_SPEC_DIR, ajvOptions = {} } = {}) {
    this.specDir = specDir
    this.ajv = newAjv(ajvOptions)
    this.cache = new WeakMap()
    this.files = new Map()
    this.standardError = this.ajv.compile(STANDARD_ERROR)
  }

  file(name) {
    if (!this.files.has(name))
      this.files.set(name, JSON.parse(fs.readFileSync(path.join(this.specDir, `${name}.json`), 'utf8')))
    return this.files.get(name)
  }

  /** All endpoints of the given APIs (all five by default). */
  endpoints(apis = API_FILES) {
    return apis.flatMap((a) => this.file(a).endpoints)
  }

  index() {
    if (!this._index) {
      this._index = { byId: new Map(), byOp: new Map(), byPath: new Map(), routes: [] }
      for (const e of this.endpoints()) {
        this._index.byId.set(e.id, e)
        if (!e.sameRouteAs) this._index.byPath.set(`${e.method} ${e.path}`, e)
        this._index.byOp.set(e.operationId, [...(this._index.byOp.get(e.operationId) ?? []), e])
        this._index.routes.push({ e, ...compilePath(e.path) })
      }
      this._index.routes.sort(
        (a, b) =>
          b.literal - a.literal ||
          b.segments - a.segments ||
          Number('sameRouteAs' in a.e) - Number('sameRouteAs' in b.e),
      )
    }
    return this._index
  }

  /** An endpoint by id ("cs:sync"), by "METHOD /template", or by an unambiguous operationId. */
  endpoint(id) {
    if (typeof id === 'object') return id
    const ix = this.index()
    const hit = ix.byId.get(id) ?? ix.byPath.get(id)
    if (hit) return hit
    const ops = ix.byOp.get(id) ?? []
    if (ops.length === 1) return ops[0]
    if (ops.length > 1) throw new Error(`operationId "${id}" is ambiguous: ${ops.map((o) => o.id).join(', ')}`)
    throw new Error(`unknown endpoint "${id}"`)
  }

  /** The endpoint that serves a concrete method and URL or path, or null. */
  match(method, url) {
    const pathname = /^https?:\/\//.test(url) ? new URL(url).pathname : url.split(/[?#]/)[0]
    for (const r of this.index().routes) {
      if (r.e.method !== method.toUpperCase()) continue
      const m = r.re.exec(pathname)
      if (!m) continue
      const params = {}
      r.params.forEach((n, i) => {
        try {
          params[n] = decodeURIComponent(m[i + 1] ?? '')
        } catch {
          params[n] = m[i + 1]
        }
      })
      return { endpoint: r.e, params }
    }
    return null
  }

  compiled(schema) {
    if (!this.cache.has(schema)) this.cache.set(schema, this.ajv.compile(schema))
    return this.cache.get(schema)
  }

  run(schema, value) {
    const v = this.compiled(schema)
    if (v(value)) return []
    return v.errors.map((e) => {
      const detail =
        e.keyword === 'additionalProperties'
          ? ` (${e.params.additionalProperty})`
          : e.keyword === 'enum'
            ? ` (${JSON.stringify(e.params.allowedValues)})`
            : ''
      return `${e.instancePath || '/'} ${e.message}${detail}`
    })
  }

  /**
   * Checks a response. `body` is the parsed JSON (undefined when there was none).
   * Returns { ok, errors, extraKeys, endpoint, matched } where matched is
   * 'declared', 'standard-error' or 'no-json'.
   */
  validateResponse(id, status, body, { headers } = {}) {
    const endpoint = this.endpoint(id)
    const key = String(status)
    const declared = Object.hasOwn(endpoint.responses, key)
    const schema = declared ? endpoint.responses[key] : null
    const done = (errors, matched) => ({
      ok: errors.length === 0,
      errors,
      matched,
      endpoint: endpoint.id,
      status,
    })
    if (headers && body !== undefined) {
      const ct = typeof headers.get === 'function' ? headers.get('content-type') : headers['content-type']
      if ((schema || status >= 400) && !/^application\/json\b/i.test(ct ?? '')) {
        return done(
          [`Content-Type of a JSON response is ${ct ? `"${ct}"` : 'missing'}, not application/json`],
          'declared',
        )
      }
    }
    if (status >= 400) {
      const generic = this.standardError(body)
        ? []
        : this.standardError.errors.map((e) => `${e.instancePath || '/'} ${e.message}`)
      // A challenge for user-interactive authentication is not a standard error.
      const uia = status === 401 && schema && body && typeof body === 'object' && Array.isArray(body.flows)
      if (uia) return done(this.run(schema, body), 'declared')
      // Application services may leave the text out (the examples of their API do).
      if (generic.length && endpoint.id.startsWith('as:') && schema) return done(this.run(schema, body), 'declared')
      if (generic.length)
        return done(
          generic.map((e) => `not a standard error: ${e}`),
          'standard-error',
        )
      const errs = schema ? this.run(schema, body) : []
      // Any endpoint may also answer with a common error at its status.
      const isUiaSchema = schema && JSON.stringify(schema).includes('"flows"')
      return done(isUiaSchema ? [] : errs, errs.length || !schema ? 'standard-error' : 'declared')
    }
    if (!declared)
      return done(
        [
          `status ${status} is not declared for ${endpoint.id} (declared: ${Object.keys(endpoint.responses).join(', ')})`,
        ],
        'declared',
      )
    if (!schema) return done([], 'no-json')
    if (body === undefined) return done(['a JSON body is required, none was given'], 'declared')
    return done(this.run(schema, body), 'declared')
  }

  /** Finds the endpoint by method and URL, then checks the response. */
  validateExchange({ method, url, status, body, headers }) {
    const hit = this.match(method, url)
    if (!hit) return { ok: false, errors: [`no endpoint of the specification serves ${method} ${url}`], endpoint: null }
    // A few routes carry two operations that only their bodies tell apart.
    const same = this.index()
      .routes.filter((r) => r.e.sameRouteAs === hit.endpoint.id || r.e.id === hit.endpoint.sameRouteAs)
      .map((r) => r.e)
    let result
    for (const e of [hit.endpoint, ...same]) {
      const r = this.validateResponse(e, status, body, { headers })
      if (r.ok) return r
      result ??= r
    }
    return result
  }
}

let shared
export function validator() {
  shared ??= new SpecValidator()
  return shared
}
