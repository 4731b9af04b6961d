// One row a request, as its caller would send it. What is asked of the answers comes from slo.yaml, by run.py.
import { check } from 'k6'
import { SharedArray } from 'k6/data'
import exec from 'k6/execution'
import http from 'k6/http'

const bodies = new SharedArray('bodies', () => open(__ENV.BODIES).trim().split('\n'))
const objectives = JSON.parse(__ENV.OBJECTIVES)
const load = JSON.parse(__ENV.LOAD)
const headers = { 'Content-Type': 'application/json' }

// Requests leave at a rate that does not wait for answers: a slow server is not asked less.
export function options (scenario) {
  return {
    scenarios: {
      [scenario]: {
        executor: 'constant-arrival-rate',
        rate: load.rps,
        timeUnit: '1s',
        duration: `${load.seconds}s`,
        preAllocatedVUs: Math.max(20, Math.ceil(load.rps / 4)),
        maxVUs: Math.max(50, 2 * load.rps)
      }
    },
    thresholds: {
      http_req_duration: [`p(95)<=${objectives.p95_ms}`],
      http_req_failed: [`rate<=${objectives.error_rate}`],
      checks: [`rate>=${1 - objectives.error_rate}`]
    },
    summaryTrendStats: ['med', 'p(90)', 'p(95)', 'p(99)', 'max']
  }
}

export function predict () {
  const body = bodies[exec.scenario.iterationInTest % bodies.length]
  const answer = http.post(`${__ENV.URL}/predict`, body, { headers })
  check(answer, { 'is a prediction': (found) => found.status === 200 && found.json('version') !== undefined })
}
