// A short peak.
import { options as optionsOf, predict } from './predict.js'

export const options = optionsOf('peak')
export default predict
