"""The public face: reporting, receipts, letters and appeals, the policy. Also the common frame of all pages.

Other faces may extend `safehold/base.html`, include `safehold/htmx.html`, use `safehold/safehold.css`
(its first lines list the components), and wrap views in `safehold.public.pages.page`.
"""
