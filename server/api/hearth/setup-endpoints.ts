/** Our own endpoints that work before the server has a name. */
import { answerOnboardingEndpoint } from './answer-onboarding.js'
import { readHealthEndpoint } from './read-health.js'
import { readMetricsEndpoint } from './read-metrics.js'
import { readOnboardingEndpoint } from './read-onboarding.js'

export const setupEndpoints = [
  readOnboardingEndpoint,
  answerOnboardingEndpoint,
  readHealthEndpoint,
  readMetricsEndpoint,
] as const
