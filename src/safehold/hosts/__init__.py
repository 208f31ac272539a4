"""What a host can be asked and told, and one adapter for each kind of host.

Others may import `safehold.hosts.contract` (the words), and call `safehold.hosts.service`
(`contact(host)` gives the adapter that speaks them).
"""
