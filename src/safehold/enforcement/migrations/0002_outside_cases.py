# Actions about an item outside every case, with the cause that wants them.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('enforcement', '0001_initial'),
        ('subjects', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='action',
            name='action_has_its_object',
        ),
        migrations.RemoveConstraint(
            model_name='action',
            name='one_account_action_in_force',
        ),
        migrations.AddField(
            model_name='action',
            name='cause',
            field=models.CharField(blank=True, default='', max_length=100),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='action',
            name='item',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='actions', to='subjects.item'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('case_item__isnull', False), ('cause', ''), ('item__isnull', True), ('kind__in', ['hide_item', 'purge_item'])), models.Q(('case_item__isnull', True), ('decision__isnull', True), ('item__isnull', False), ('kind__in', ['hide_item', 'purge_item']), ('subject__isnull', True), models.Q(('cause', ''), _negated=True)), models.Q(('cause', ''), ('item__isnull', True), ('kind__in', ['suspend_account', 'lock_account', 'ban_person']), ('subject__isnull', False)), _connector='OR'), name='action_has_its_object'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.UniqueConstraint(condition=models.Q(('case_item__isnull', True), ('item__isnull', True), models.Q(('state__in', ['reversed', 'dropped']), _negated=True)), fields=('subject', 'kind'), name='one_account_action_in_force'),
        ),
        migrations.AddConstraint(
            model_name='action',
            constraint=models.UniqueConstraint(condition=models.Q(('item__isnull', False), models.Q(('state__in', ['reversed', 'dropped']), _negated=True)), fields=('item', 'cause', 'kind'), name='one_caused_action_in_force'),
        ),
    ]
