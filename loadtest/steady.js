// A low rate, kept up.
import { options as optionsOf, predict } from './predict.js'

export const options = optionsOf('steady')
export default predict
