// SPDX-License-Identifier: MIT
// check_schema.js MODELS: reads a list of Kubernetes objects as JSON. Writes the
// errors of each object, or null.
const { readFileSync } = require("fs");

function complaint({ apiVersion, kind, ...rest }) {
  const model = require(`${process.argv[2]}/${apiVersion}/${kind}`)[kind];
  try {
    new model(rest).validate();
    return null;
  } catch (error) {
    return error.message;
  }
}

const objects = JSON.parse(readFileSync(0));
console.log(JSON.stringify(objects.map(complaint)));
