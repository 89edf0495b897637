/** Entry of the page: language and theme first, so that the first thing drawn is right; then the app. */
import '@fontsource-variable/inter/index.css'
import '@fontsource-variable/jetbrains-mono/index.css'
import './tokens.css'
import './base.css'
import { createRoot } from 'react-dom/client'
import { App } from './app/app.js'
import { followInputKind } from './app/input-kind.js'
import { applyTheme, readPreferences } from './app/preferences.js'
import { preferredLanguage, takeLanguage } from './i18n/index.js'
import { takeAddressSecrets } from './platform/address-secrets.js'

takeAddressSecrets()
applyTheme()
followInputKind()
await takeLanguage(preferredLanguage(readPreferences().language)).catch(() => undefined) // English is always there
createRoot(document.getElementById('root')!).render(<App />)
