// SPDX-License-Identifier: MIT
// luci.js diagrams DEFINITION RRD-DIRECTORY HOST CGROUP
// luci.js view FILE SETTINGS
// A stand-in for the parts of LuCI that load a file of its statistics. The first
// writes the diagrams of a cgroup as JSON, each with the arguments of "rrdtool
// graph". The second writes the options of a settings page, and its summary of these
// settings, which are JSON.
"use strict";
const fs = require("fs");
const path = require("path");

String.prototype.format = function (...values) {
  return this.replace(/%[sd]/g, () => values.shift());
};

const baseclass = { extend: (members) => members };
const translate = (text) => text;
const LuCI = { toArray: (value) => (value == null ? [] : [].concat(value)) };

// Every kind of input field is its own name.
const form = new Proxy({}, { get: (_, kind) => kind });

function load(file) {
  const source = fs.readFileSync(file, "utf8");
  const required = [...source.matchAll(/^'require (\S+)';$/gm)].map((m) => m[1]);
  const modules = { baseclass, form };
  return new Function(...required, "_", "L", source)(
    ...required.map((name) => {
      if (!(name in modules)) throw new Error(`unknown module ${name}`);
      return modules[name];
    }),
    translate,
    LuCI
  );
}

class Graph {
  constructor(directory) {
    this.directory = directory;
  }
  file(host, plugin, cgroup, type, instance) {
    return path.join(this.directory, host, `${plugin}-${cgroup}`,
      `${type}-${instance}.rrd`);
  }
  dataInstances(host, plugin, cgroup, type) {
    return fs
      .readdirSync(path.join(this.directory, host, `${plugin}-${cgroup}`))
      .map((name) => name.match(/^([^-]+)-(.+)\.rrd$/))
      .filter((match) => match && match[1] == type)
      .map((match) => match[2])
      .sort();
  }
}

// What LuCI makes of one diagram: the sources on top of each other, except those that
// are an overlay, and the mean of each below it
function rrdtoolArguments(graph, host, cgroup, definition) {
  const { data, title, vlabel, y_min, number_format } = definition;
  const args = ["-t", title.replace("%H", host).replace("%pi", cgroup),
    "-v", vlabel, "-l", y_min];
  const sources = [];
  for (const type in data.instances)
    for (const instance of data.instances[type])
      sources.push({ type, instance, ...data.options[`${type}_${instance}`] });
  sources.sort((a, b) => a.weight - b.weight);
  let below = null;
  sources.forEach((source, index) => {
    const file = graph.file(host, "cgroup_cpu", cgroup, source.type, source.instance)
      .replace(/:/g, "\\:");
    args.push(`DEF:raw${index}=${file}:value:AVERAGE`,
      `CDEF:mean${index}=raw${index},${source.transform_rpn || "0,+"}`);
    if (below === null || source.overlay)
      args.push(`CDEF:drawn${index}=mean${index}`);
    else
      args.push(`CDEF:drawn${index}=mean${index},drawn${below},+`);
    if (!source.overlay) below = index;
    if (!source.noarea) args.push(`AREA:drawn${index}#${source.color}40`);
    args.push(`LINE1:drawn${index}#${source.color}:${source.title}`,
      `GPRINT:mean${index}:AVERAGE:${number_format}\\l`,
      `VDEF:whole${index}=mean${index},AVERAGE`,
      `PRINT:whole${index}:${source.type}-${source.instance} %.6lf`);
  });
  return args;
}

const [command, file, ...rest] = process.argv.slice(2);
const loaded = load(file);
let result;
if (command == "diagrams") {
  const [directory, host, cgroup] = rest;
  const graph = new Graph(directory);
  result = [].concat(loaded.rrdargs(graph, host, "cgroup_cpu", cgroup, null))
    .map((definition) => ({
      detail: !!definition.detail,
      arguments: rrdtoolArguments(graph, host, cgroup, definition),
    }));
} else {
  const options = {};
  loaded.addFormOptions({
    option(kind, name, title) {
      const option = { kind, title, values: [],
        value(value) { option.values.push(value); }, depends() {} };
      return (options[name] = option);
    },
  });
  result = { options, summary: loaded.configSummary(JSON.parse(rest[0])) };
}
console.log(JSON.stringify(result));
