/**
 * Which folder may import which: the layers of docs/architecture.md as a table. Everything that a
 * row does not allow is an error.
 *
 *   kernel ← events ← store ← domain folders ← api ← server/index.ts ← main        http ← api
 */
const domain =
  '(appservices|rooms|users|threepids|devices|encryption|keys|media|push|sync|federation|live|network|search)'

/** Files under `from` may import, of our own code, only files under the `to` patterns. */
const layer = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(main|server|renderer|test|schema|assets)/', pathNot: to },
})

/** A package that only some folders may import. */
const reserved = (name, packages, pathNot, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot },
  to: { path: packages },
})

module.exports = {
  forbidden: [
    layer('kernel', '^server/kernel/', ['^server/kernel/'], 'the kernel knows nothing above it'),
    layer('data-dir', '^server/data-dir/', ['^server/(kernel|data-dir)/'], 'works before anything is open'),
    layer('events', '^server/events/', ['^server/(kernel|events)/'], 'pure: same input, same answer'),
    layer(
      'store',
      '^server/store/',
      ['^server/(kernel|events|store)/', '^schema/migrations/'],
      'owns the tables, knows no operation',
    ),
    layer('outbound', '^server/outbound/', ['^server/(kernel|outbound)/'], 'asks the web, knows not what for'),
    layer('delivery', '^server/delivery/', ['^server/(kernel|delivery)/'], 'knows no destination and no engine'),
    layer(
      'domain',
      `^server/${domain}/`,
      [`^server/(kernel|events|store|data-dir|delivery|outbound|${domain})/`],
      'knows neither HTTP nor endpoints',
    ),
    layer(
      'http',
      '^server/http/',
      ['^server/(kernel|http)/', '^server/users/(authenticate|requester|user-interactive-auth)\\.ts$'],
      'carries requests, knows no operation but authentication',
    ),
    layer(
      'api',
      '^server/api/',
      ['^server/(kernel|events|http|api)/', `^server/${domain}/`],
      'never reaches past the operations to the store',
    ),
    layer(
      'main',
      '^main/',
      ['^main/', '^assets/', '^server/(index|live/channel)\\.ts$', '^server/(kernel|data-dir)/'],
      'starts the server, is no part of it',
    ),
    layer(
      'renderer',
      '^renderer/',
      ['^renderer/', '^main/ipc/contract\\.ts$', '^server/(api|kernel)/'],
      'a client like any other',
    ),
    {
      name: 'renderer-takes-types-only',
      comment: 'no code of main or the server runs in the page',
      severity: 'error',
      from: { path: '^renderer/' },
      to: { path: '^(main|server)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'features-apart',
      comment: 'chat, home, onboarding and settings do not import each other',
      severity: 'error',
      from: { path: '^renderer/features/([^/]+)/' },
      to: { path: '^renderer/features/', pathNot: '^renderer/features/$1/' },
    },
    reserved(
      'database-only-in-store',
      '^node_modules/(surrealdb|@surrealdb)/',
      ['^server/(store|live)/', '^renderer/live/', '^node_modules/'],
      'queries live with the table they read',
    ),
    reserved(
      'fastify-only-in-http',
      '^node_modules/@?fastify/',
      ['^server/http/', '^server/index\\.ts$', '^node_modules/'],
      'endpoints do not know what carries them',
    ),
    reserved(
      'electron-only-in-the-shell',
      '^node_modules/electron(-updater)?/',
      ['^main/(index|preload|backend)\\.ts$', '^main/desktop/', '^main/ipc/handlers\\.ts$', '^node_modules/'],
      'what can be decided without Electron is tested without it',
    ),
    {
      name: 'shipped-code-uses-shipped-packages',
      comment: 'devDependencies are not in the package; the renderer is bundled, so its may be',
      severity: 'error',
      from: { path: '^(main|server)/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        dependencyTypesNot: ['type-only'],
        pathNot: '^node_modules/(electron|@types)/',
      },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(main|server|renderer)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only', 'dynamic-import'] } },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      // What is built need not be there yet when imports are looked at.
      to: { couldNotResolve: true, pathNot: ['\\?(inline|raw|url)$', '^virtual:', '^vite/client$', '^\\.\\./out/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^out/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
