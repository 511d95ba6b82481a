/* SPDX-License-Identifier: MIT */

'use strict';
'require baseclass';
'require form';

var flags = [
	['LeavesOnly', _('Only cgroups without others below them')],
	['ReportUserSystem', _('Time in user mode and in the kernel')],
	['ReportThrottling', _('How often and how long a quota held it back')],
	['ReportLimit', _('Limit and weight')],
	['ReportPressure', _('How long tasks waited for a CPU')],
	['ReportCounter', _('Also as a counter of CPU time')]
];

return baseclass.extend({
	title: _('Cgroup CPU Plugin Configuration'),
	description: _('The cgroup_cpu plugin reports how much CPU each service and container uses.'),

	addFormOptions: function(s) {
		var o;

		o = s.option(form.Flag, 'enable', _('Enable this plugin'));

		o = s.option(form.DynamicList, 'CGroups', _('Cgroups'),
			_('Paths or shell patterns, for example /services/*. Without any, all cgroups are reported.'));
		o.optional = true;
		o.depends('enable', '1');

		o = s.option(form.Flag, 'IgnoreSelected', _('Report all except these'));
		o.depends('enable', '1');

		o = s.option(form.ListValue, 'InstanceFormat', _('Names'));
		o.value('name', _('Of containers, and paths'));
		o.value('path', _('Paths'));
		o.value('leaf', _('Last part of the path'));
		o.default = 'name';
		o.depends('enable', '1');

		o = s.option(form.Value, 'MaxCgroups', _('Highest number of cgroups'));
		o.default = '200';
		o.datatype = 'range(1,1000000)';
		o.depends('enable', '1');

		o = s.option(form.Value, 'KeepOpen', _('Highest number of files kept open'));
		o.default = '50';
		o.datatype = 'range(0,1000000)';
		o.depends('enable', '1');

		o = s.option(form.Value, 'PeakInterval', _('Search for peaks'), _('Seconds'));
		o.placeholder = _('off');
		o.optional = true;
		o.datatype = 'and(ufloat,min(0.05))';
		o.depends('enable', '1');

		for (var i = 0; i < flags.length; i++) {
			o = s.option(form.Flag, flags[i][0], flags[i][1]);
			/* ReportCounter is on if it is not in the configuration. */
			o.rmempty = false;
			o.depends('enable', '1');
		}
	},

	configSummary: function(section) {
		var cgroups = L.toArray(section.CGroups);

		if (cgroups.length == 0)
			return _('Monitoring all cgroups');

		return (section.IgnoreSelected == '1' ? _('Monitoring all cgroups except %s') : _('Monitoring cgroups %s'))
			.format(cgroups.join(', '));
	}
});
