/** Set by vite.config.ts when the app is built. */
declare const __SIGNED_BUILD__: boolean
