/**
 * The time of an event as an application service says it: of messages that it brings from elsewhere. Nobody else's word counts.
 *
 * Spec: https://spec.matrix.org/v1.19/application-service-api/#timestamp-massaging
 */
import type { Requester } from '../../../users/requester.js'

export const timeOf = ({ ts }: { ts?: number }, { appservice }: Requester): { originServerTs?: number } =>
  appservice && ts !== undefined ? { originServerTs: ts } : {}
