/* SPDX-License-Identifier: MIT */

'use strict';
'require baseclass';

/* Each source is: type, type instance, title, color, and how it is drawn: on top of
   those before it ("stack"), or as a line of its own ("line"). Of those with the same
   title, the first one that is stored is drawn. A counter of microseconds becomes a
   rate per second, and a thousandth of that is millicores. */
var graphs = [
	{
		title: '%H: CPU use of %pi',
		vlabel: 'millicores',
		sources: [
			['gauge', 'millicores', 'used', '0000ff', 'stack'],
			['derive', 'cpu_usage_usec', 'used', '0000ff', 'stack', '1000,/'],
			['gauge', 'remainder_millicores', 'used by others', '888888', 'stack'],
			['gauge', 'peak_millicores', 'highest', 'ff8800', 'line'],
			['gauge', 'limit_millicores', 'limit', 'ff0000', 'line']
		]
	},
	{
		title: '%H: CPU use of %pi in user mode and in the kernel',
		vlabel: 'millicores',
		sources: [
			['gauge', 'user_millicores', 'user', '0000ff', 'stack'],
			['derive', 'user_usec', 'user', '0000ff', 'stack', '1000,/'],
			['gauge', 'system_millicores', 'system', 'ff0000', 'stack'],
			['derive', 'system_usec', 'system', 'ff0000', 'stack', '1000,/']
		]
	},
	{
		title: '%H: Periods in which %pi was throttled',
		vlabel: '%',
		sources: [
			['percent', 'throttled_periods', 'throttled', 'ff0000', 'stack']
		]
	},
	{
		title: '%H: Time for which %pi was held back',
		vlabel: 'ms per second',
		sources: [
			['derive', 'throttled_usec', 'by its quota', 'ff0000', 'line', '1000,/'],
			['derive', 'throttled_local_usec', 'by any quota', 'ff8800', 'line', '1000,/'],
			['derive', 'frozen_usec', 'frozen', '0000ff', 'line', '1000,/']
		]
	},
	{
		title: '%H: Time for which tasks of %pi waited for a CPU',
		vlabel: '%',
		sources: [
			['percent', 'pressure_some', 'some tasks', 'ff8800', 'line'],
			['percent', 'pressure_full', 'all tasks', 'ff0000', 'line'],
			['percent', 'pressure_irq', 'interrupts', '888888', 'line']
		]
	},
	{
		title: '%H: Cgroups that the plugin knows',
		vlabel: 'cgroups',
		sources: [
			['gauge', 'cgroups_read', 'read', '0000ff', 'stack'],
			['gauge', 'cgroups_idle', 'idle', '8888ff', 'stack'],
			['gauge', 'cgroups_left_out', 'left out', 'ff8800', 'line'],
			['gauge', 'cgroups_unreadable', 'not readable', 'ff0000', 'line']
		]
	}
];

/* rrdtool draws nothing at all if one of the files is missing. */
function stored(graph, series, sources) {
	var titles = {};

	return sources.filter(function(source) {
		var type = source[0], instance = source[1], title = source[2];

		if (titles[title] || graph.dataInstances.apply(graph, series.concat(type)).indexOf(instance) < 0)
			return false;

		return titles[title] = true;
	});
}

function diagram(definition, sources) {
	var instances = {}, options = {};

	sources.forEach(function(source, index) {
		var type = source[0], instance = source[1];

		(instances[type] = instances[type] || []).push(instance);
		options[type + '_' + instance] = {
			title: source[2],
			color: source[3],
			overlay: source[4] == 'line',
			noarea: source[4] == 'line',
			transform_rpn: source[5],
			weight: index + 1
		};
	});

	return {
		title: definition.title,
		vlabel: definition.vlabel,
		y_min: '0',
		number_format: '%5.1lf',
		data: { instances: instances, options: options }
	};
}

return baseclass.extend({
	title: _('CPU of cgroups'),

	rrdargs: function(graph, host, plugin, plugin_instance, dtype) {
		var series = [host, plugin, plugin_instance],
		    diagrams = [];

		graphs.forEach(function(definition) {
			var sources = stored(graph, series, definition.sources);

			if (sources.length)
				diagrams.push(diagram(definition, sources));
		});

		/* One diagram of each cgroup for the overview, the others on its own page. */
		for (var i = 1; i < diagrams.length; i++)
			diagrams[i].detail = true;

		return diagrams.length ? diagrams : diagram(graphs[0], [graphs[0].sources[0]]);
	}
});
