import uuid

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('screening', '0002_kinds_rules_and_hits'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rescreen',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('after', models.PositiveBigIntegerField()),
                ('upto', models.PositiveBigIntegerField()),
                ('entries', models.PositiveBigIntegerField()),
                ('begun_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('done', models.JSONField(default=list)),
                ('rows', models.PositiveBigIntegerField(default=0)),
                ('found', models.PositiveBigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('after',), name='one_rescreen_of_changes')],
            },
        ),
    ]
