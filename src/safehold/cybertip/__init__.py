"""Reports to NCMEC: the document, its checks, the protocol, filing once and only once, and a simulator.

Takes an input record (`inputs`) and knows no case. Others may call `safehold.cybertip.service`.
"""
